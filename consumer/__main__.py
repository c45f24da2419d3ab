"""``python -m consumer``: the service, configured by the environment."""

import faulthandler
import signal
import sys
from types import FrameType

import structlog
import typer

from consumer.app import App
from consumer.client import (
    TopicCreationError,
    TopicError,
    UnknownClientError,
    check_kafka_python,
    connections,
)
from consumer.errors import LoopDiedError
from consumer.settings import Settings
from consumer.telemetry import RateLimit, configure_log
from consumer.wiring import wire
from contract.environment import SettingsError
from contract.version import Version

OK, DIED, BAD_SETTINGS = 0, 1, 2

cli = typer.Typer(add_completion=False, rich_markup_mode=None)
log = structlog.get_logger()


@cli.command(epilog=Settings.help())
def main(
    _version: Version = False,  # noqa: FBT002 - a flag
) -> None:
    """Learn from every event on Kafka; answer predictions over request/reply.

    Configured by the environment; serves until SIGINT or SIGTERM. Metrics and health are at
    /metrics, /livez and /readyz of HTTP_HOST:HTTP_PORT.

    Exit codes: 0 stopped as asked; 1 ended by a fault that the last log line names; 2 the settings
    or the installed kafka-python are not usable, each fault named.
    """
    rate_limit = RateLimit()
    try:
        check_kafka_python()
        settings = Settings.read()
        configure_log(settings.log_level, settings.log_format, rate_limit)
        connections.quieten()
        app = App(settings, wire, rate_limit.unsaid)
    except SettingsError as error:
        print(f"The settings are not usable:\n{error}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(BAD_SETTINGS) from None
    except UnknownClientError as error:
        print(error, file=sys.stderr)  # noqa: T201
        raise typer.Exit(BAD_SETTINGS) from None
    except OSError as error:
        print(f"HTTP_HOST/HTTP_PORT: cannot listen there: {error}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(BAD_SETTINGS) from None

    def stop(_signal: int, _frame: FrameType | None) -> None:
        app.stop()

    faulthandler.register(signal.SIGUSR1)  # kill -USR1 shows where every thread stands
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        app.run()
    except (LoopDiedError, TopicError, TopicCreationError) as error:
        log.critical("ended", reason=str(error))
        raise typer.Exit(DIED) from None
    except Exception:  # its traceback belongs into the record
        log.exception("ended")
        raise typer.Exit(DIED) from None
    log.info("stopped")


if __name__ == "__main__":
    cli()
