"""The service and what is asked before it runs, each configured by the environment."""

import faulthandler
import logging
import signal
import sys
from types import FrameType
from typing import Annotated

import structlog
import typer

from consumer.app import App
from consumer.client import TopicCreationError, TopicError, connections
from consumer.errors import LoopDiedError
from consumer.explore import ExploreError, check, sample, saved, suggest
from consumer.settings import Settings
from consumer.telemetry import RateLimit, configure_log
from consumer.wiring import wire
from contract.environment import SettingsError
from contract.version import Version

OK, DIED, BAD_SETTINGS = 0, 1, 2

cli = typer.Typer(add_completion=False, rich_markup_mode=None)
log = structlog.get_logger()


@cli.callback(invoke_without_command=True, epilog=Settings.help())
def main(
    context: typer.Context,
    _version: Version = False,  # noqa: FBT002 - a flag
) -> None:
    """Learn from every event on Kafka; answer predictions over request/reply.

    Configured by the environment; serves until SIGINT or SIGTERM. Metrics and health are at
    /metrics, /livez and /readyz of HTTP_HOST:HTTP_PORT.

    Exit codes: 0 stopped as asked; 1 ended by a fault that the last log line names; 2 the settings
    or the installed kafka-python are not usable, each fault named.
    """
    if context.invoked_subcommand is not None:
        return
    rate_limit = RateLimit()
    try:
        settings = Settings.read()
        configure_log(settings.log_level, settings.log_format, rate_limit)
        connections.quieten()
        app = App(settings, wire, rate_limit.unsaid)
    except SettingsError as error:
        print(f"The settings are not usable:\n{error}", file=sys.stderr)  # noqa: T201
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


@cli.command("suggest", epilog=Settings.help())
def print_suggestion(
    events: Annotated[int, typer.Option(min=1, help="How many of the newest events.")] = 1000,
    formula: Annotated[
        str | None, typer.Option(help="The formula to check against the sample.")
    ] = None,
) -> None:
    """Print a model file for the events of EVENTS_TOPIC, from a sample of the newest.

    Each member that could be a field has its type, levels and share of gaps; the formula is a first
    guess. What becomes of the sample by it is said above. Nothing is changed.

    Exit codes: 0 printed; 1 the topic cannot be read, or the formula does not go with its events;
    2 the settings are not usable.
    """
    settings = _settings()
    try:
        print(suggest(sample(settings, events), formula), end="")  # noqa: T201 - the answer
    except (ExploreError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        raise typer.Exit(DIED) from None


@cli.command("check", epilog=Settings.help())
def print_check() -> None:
    """Say what the settings would mean for the saved state, before the service is started.

    Exit codes: 0 the service would go on from it; 1 it would not, or Kafka cannot be reached; 2 the
    settings are not usable.
    """
    settings = _settings()
    try:
        usable, sentences = check(settings.spec, saved(settings))
    except ExploreError as error:
        usable, sentences = False, [str(error)]
    print("\n".join(sentences))  # noqa: T201 - the answer
    if not usable:
        raise typer.Exit(DIED)


def _settings() -> Settings:
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # faults are reported by us, once
    try:
        return Settings.read()
    except SettingsError as error:
        print(f"The settings are not usable:\n{error}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(BAD_SETTINGS) from None
