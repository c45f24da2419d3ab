"""``python -m consumer``: the command, if kafka-python is the one that we know.

It is checked before anything that needs it is imported: else a part that is missing would be a
traceback, and no sentence.
"""

import sys

from contract.internals import parts

BAD_SETTINGS = 2


def cli() -> None:
    """Run the command, or exit with 2 and say why kafka-python is not usable."""
    try:
        with parts.imported():
            from consumer.client import check_kafka_python  # noqa: PLC0415 - may not be importable
            from consumer.command import cli as command  # noqa: PLC0415 - the same
        check_kafka_python()
    except parts.UnknownClientError as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(BAD_SETTINGS)
    command()


if __name__ == "__main__":
    cli()
