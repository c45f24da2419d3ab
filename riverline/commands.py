"""The installed commands: `riverline-consumer`, `riverline-producer` and `riverline-broker`.

Each imports its part when it is called, so that one part's extra is not needed for another.
"""

# ruff: noqa: PLC0415


def consumer() -> None:
    """Run the service, as `python -m consumer` does in the tree."""
    from consumer.__main__ import cli

    cli()


def producer() -> None:
    """Send events and ask questions, as `python -m producer` does in the tree."""
    from producer.__main__ import cli

    cli()


def broker() -> None:
    """Run the embedded Kafka, as `python -m broker` does in the tree."""
    from broker.__main__ import app

    app()
