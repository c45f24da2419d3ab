"""``python -m producer``: sends events and asks questions."""

import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import orjson
import typer
from pydantic import Field
from rich.console import Console

from contract.environment import Environment, SettingsError
from contract.messages import AT_LEAST, Method
from contract.version import Version
from producer import simulate as simulation
from producer.after import parse_positions, write_positions
from producer.client import PredictionClient
from producer.errors import (
    KafkaUnavailableError,
    PredictionError,
    PredictionTimeoutError,
    TopicMissingError,
)
from producer.letters import MendError, letters_table, opened_letters, read_mended, replay
from producer.question import Reply
from producer.send import send_events
from producer.show import TABLES
from producer.table import TableError, count_rows, read_rows

FAILED, BAD_USAGE, SHUT_OUT = 1, 2, 3
TELL_SECONDS = 2.0
"""How long a service is waited for that says what it has refused."""

cli = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Send events and ask questions. Each command has a --help of its own.",
    epilog=Environment.help(),
)
Rate = Annotated[
    float | None,
    typer.Option(min=0.001, help="At most so many events a second; default: no limit."),
]


@cli.callback()
def options(
    _version: Version = False,  # noqa: FBT002 - a flag
) -> None:
    """What comes before a command."""


@cli.command("csv")
def send_csv(
    file: Annotated[
        Path, typer.Argument(help="A CSV file with a header row, or its .gz; - for standard input.")
    ],
    rate: Rate = None,
) -> None:
    """Make each row of a CSV file an event: its columns are the event's members.

    Empty cells and NA are null. A column of numbers with separators, as 1,389, is refused before
    anything is sent. With MODEL set the file may have any columns; else it must have FIELDS.

    Exit codes: 0 all events are on the topic; 1 some are not, or may not be; 2 the file cannot be
    read or lacks columns; 3 Kafka cannot be reached, or does not let us in.
    """
    settings = _settings()
    try:
        total = count_rows(file)
        required = settings.fields if settings.model is None else ()
        _send(settings, read_rows(file, required), total, rate)
        _tell_refusals(settings)
    except (TableError, OSError) as error:
        _fail(str(error), BAD_USAGE)


@cli.command()
def simulate(
    count: Annotated[int, typer.Option(min=1, help="How many events.")],
    rate: Rate = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same events.")] = 1,
    nested: Annotated[bool, typer.Option("--nested", help="Nested, with gaps.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Send simulated mobile ad events with known coefficients.

    sales = 2.94 + 0.0458 tv + 0.1885 radio - 0.001 newspaper + N(0, 1.69), which is 9.4 at tv=50.

    With --nested they are a shop's events, for MODEL=examples/models/segment.toml:
    revenue = 2 + 1.5 price + N(0, 1), and 3 more on Android.

    Exit codes: 0 all events are on the topic; 1 some are not, or may not be; 2 FIELDS has others;
    3 Kafka cannot be reached, or does not let us in.
    """
    settings = _settings()
    if nested:
        _send(settings, simulation.nested(count, seed), count, rate)
        return
    if not set(settings.fields) <= set(simulation.FIELDS):
        _fail(f"FIELDS: simulate has only {', '.join(simulation.FIELDS)}", BAD_USAGE)
    _send(settings, simulation.simulate(count, seed), count, rate)


@cli.command()
def ask(
    features: Annotated[
        list[str] | None, typer.Argument(help="Known features, as name=value: tv=50 radio=20")
    ] = None,
    method: Annotated[Method, typer.Option(help="The method.")] = Method.PREDICT,
    formula: Annotated[
        str | None, typer.Option(help="Another formula over the fields: 'sales ~ tv + radio'")
    ] = None,
    level: Annotated[
        float | None, typer.Option(help="Level of the prediction interval [0.95].")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the answer.")] = 10.0,
    json: Annotated[bool, typer.Option("--json", help="JSON for train and describe too.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Ask the model: a prediction, the regression's table, the data's summary.

    Prints JSON; train and describe are tables in a terminal. With --method learn the features are
    an event to learn from, and the answer is the summary after it. With --method train, terms=true
    says what each term adds to the others, and errors=HC1 gives standard errors for unequal noise.
    at_least=0:51,1:49 lets the answer wait until these positions are learned, which csv tells at
    its end.

    Exit codes: 0 answered; 1 refused, or no answer in time; 2 bad arguments; 3 Kafka cannot be
    reached, or does not let us in.
    """
    settings = _settings()
    params: dict[str, Any] = dict(_feature(text) for text in features or ())
    options = {"formula": formula, "level": level}
    params |= {name: value for name, value in options.items() if value is not None}
    try:
        after = parse_positions(str(params.pop(AT_LEAST))) if AT_LEAST in params else None
        with PredictionClient(settings, timeout=timeout) as client:
            reply = client.ask(method, params, after=after)
    except (PredictionError, PredictionTimeoutError, TopicMissingError) as error:
        _fail(str(error), FAILED)
    except KafkaUnavailableError as error:
        _fail(str(error), SHUT_OUT)
    except ValueError as error:
        _fail(str(error), BAD_USAGE)
    if json or not sys.stdout.isatty() or not _show(method, reply):
        print(orjson.dumps(reply).decode())  # noqa: T201 - the answer


@cli.command("dead-letters")
def dead_letters(
    again: Annotated[
        typer.FileBinaryRead | None,
        typer.Option(
            "--replay", metavar="FILE", help="Send these again: JSON lines; - for standard input."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON lines in a terminal, too.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Show the refused events that wait, or send mended ones again.

    Prints a JSON line for each, tables in a terminal. To mend one, change the value in its line,
    and hand the line to --replay, which sends each letter once, however often it is called:

    python -m producer dead-letters --json > letters.jsonl

    python -m producer dead-letters --replay letters.jsonl

    Exit codes: 0 shown, or sent; 1 a topic is missing; 2 lines that cannot be sent, each named, and
    none is sent; 3 Kafka cannot be reached, or does not let us in.
    """
    settings = _settings()
    try:
        if again is not None:
            done = replay(settings, read_mended(again))
            already = f"; {done.already:,} were before" if done.already else ""
            Console(stderr=True).print(f"{done.sent:,} sent again{already}", highlight=False)
            return
        with opened_letters(settings) as letters:
            if sys.stdout.isatty() and not json:
                Console().print(letters_table(letters, len(letters.replayed)))
                return
            for letter in letters:
                print(orjson.dumps(letter.document()).decode())  # noqa: T201 - the answer
    except MendError as error:
        _fail(str(error), BAD_USAGE)
    except TopicMissingError as error:
        _fail(str(error), FAILED)
    except KafkaUnavailableError as error:
        _fail(str(error), SHUT_OUT)


def _show(method: Method, reply: Reply) -> bool:
    """Show a reply as a table; return whether its method has one."""
    try:
        table = TABLES[method](reply)
    except (LookupError, TypeError, ValueError, AttributeError):
        return False  # perhaps from another version
    Console().print(table, highlight=False)
    return True


def _feature(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        _fail(f"expected name=value, got {text!r}", BAD_USAGE)
    if value in {"true", "false"}:
        return name, value == "true"
    try:
        return name, float(value)
    except ValueError:
        return name, value  # for the consumer to refuse


class _Settings(Environment):
    """What the producer reads beside what all share."""

    model: Path | None = Field(
        None, description="the service's model file: a CSV file may then have any columns"
    )


def _settings() -> _Settings:
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # we report faults ourselves, once
    try:
        return _Settings.read()
    except SettingsError as error:
        _fail(f"The settings are not usable:\n{error}", BAD_USAGE)


def _send(
    settings: Environment, events: Iterable[dict[str, Any]], total: int, rate: float | None
) -> None:
    try:
        delivery = send_events(settings, events, total, rate)
    except TopicMissingError as error:
        _fail(str(error), FAILED)
    except KafkaUnavailableError as error:
        _fail(str(error), SHUT_OUT)
    summary = f"{delivery.acknowledged:,} of {total:,} events are on {settings.events_topic}"
    console = Console(stderr=True)
    console.print(summary, highlight=False)
    if delivery.positions:
        positions = write_positions(delivery.positions)
        console.print(f"To ask after they are learned: ask {AT_LEAST}={positions}", highlight=False)
    if missing := total - delivery.acknowledged:
        unconfirmed = missing - delivery.unsent
        reasons = "; ".join(f"{name}: {text}" for name, text in delivery.reasons.items())
        _fail(
            f"{delivery.unsent:,} were not sent, and {unconfirmed:,} are not confirmed: "
            f"they may or may not be there ({reasons})",
            FAILED,
        )


def _tell_refusals(settings: Environment) -> None:
    """Say what the service has refused, if it answers in time; it may still be reading."""
    try:
        with PredictionClient(settings, timeout=TELL_SECONDS) as client:
            reply = client.ask(Method.DESCRIBE)
    except PredictionError as error:
        said = str(error) if "refused" in str(error) else ""
    except (PredictionTimeoutError, TopicMissingError, KafkaUnavailableError):
        return
    else:
        outcomes = reply.get("outcomes", {})
        refused, last = outcomes.get("refused", 0), reply.get("last_refused", {})
        said = f"{refused:,} of {sum(outcomes.values()):,} events were refused" if refused else ""
        said += f", the last one because {last['detail']}" if refused and last else ""
    if said:
        print(f"The service, so far: {said}", file=sys.stderr)  # noqa: T201


def _fail(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr)  # noqa: T201
    raise typer.Exit(code)


if __name__ == "__main__":
    cli()
