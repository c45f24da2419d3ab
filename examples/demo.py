"""`make demo`: the main job end to end, on an embedded Kafka, with pictures.

Mobile events become predictions: a broker, the consumer, 10,000 simulated events, one question.
Exit code 0 if the prediction is within 0.5 of the known truth.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from rich.console import Console
from rich.table import Table

from broker import EmbeddedKafka
from contract.environment import Environment
from plot import Line, line_chart
from producer import PredictionClient, PredictionError
from producer.send import send_events
from producer.show import regression_table
from producer.simulate import simulate, truth
from support.service import LEARNED, Service, running_service
from support.waiting import wait_until

EVENTS = 10_000
RATE = 5_000.0
TV = 50.0
TOLERANCE = 0.5
PATIENCE_SECONDS = 60.0

console = Console()


class DemoError(Exception):
    """The demo failed; the message says why."""


def main() -> int:
    """Run the demo; the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with ExitStack() as stack:
            return _run(stack)
    except KeyboardInterrupt:
        console.print("stopped; nothing is left running")
        return 130
    except DemoError as error:
        console.print(f"[red]{error}")
        return 1


def _run(stack: ExitStack) -> int:
    with console.status("starting Kafka (the first start also downloads it)"):
        kafka = stack.enter_context(EmbeddedKafka())
    os.environ["KAFKA_BOOTSTRAP_SERVERS"] = kafka.bootstrap_servers
    console.print(f"[green]✓[/] Apache Kafka is running at {kafka.bootstrap_servers}")
    with console.status("starting the consumer"):
        service = stack.enter_context(_consumer())
    metrics = f"{service.address}/metrics"
    console.print(f"[green]✓[/] the consumer is ready, its metrics are at {metrics}")
    client = stack.enter_context(PredictionClient())
    lines = _stream(client)
    with console.status("learning"):
        _wait(lambda: service.metric(LEARNED) >= EVENTS, "the consumer had not learned all events")
    reply = client.predict(tv=TV)
    lines.append(_line(client))
    console.print()
    console.print(line_chart(lines, truth, highest_x=300))
    _show_model(lines)
    console.print(regression_table(client.ask("train")), highlight=False)
    _show_metrics(service)
    console.print(
        "[bold]Where to look next[/]\n"
        "  source .venv/bin/activate                 for these commands\n"
        "  riverline-broker                          a Kafka of your own\n"
        "  riverline-consumer                        the service; see its --help\n"
        "  riverline-producer simulate --count 1000  events\n"
        "  riverline-producer ask tv=50              a question\n"
        "  docs/tutorial.md                          a model of your own events\n"
    )
    good = abs(reply["prediction"] - truth(TV)) < TOLERANCE
    console.print(
        f"[bold]tv = {TV:g} gives {reply['prediction']:.3f} sales[/] after {reply['events']:,} "
        f"events; the true value is {truth(TV):.3f}",
        style="green" if good else "red",
    )
    return 0 if good else 1


@contextmanager
def _consumer() -> Iterator[Service]:
    """A consumer that is ready, stopped in order at the end."""
    with running_service() as service:
        try:
            _wait(lambda: service.ready or not service.runs, "the consumer was not ready")
            if not service.runs:
                raise DemoError(f"the consumer ended:\n{service.log.read_text()}")
            yield service
        finally:
            with suppress(subprocess.TimeoutExpired):
                service.stop()


def _stream(client: PredictionClient) -> list[Line]:
    """Send the events, and sample the model's line meanwhile."""
    lines: list[Line] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.1):
            try:
                lines.append(_line(client))
            except PredictionError:
                continue  # too few events yet: the service says so rather than guess

    looking = threading.Thread(target=look)
    looking.start()
    try:
        delivery = send_events(Environment.read(), simulate(EVENTS, seed=1), EVENTS, RATE)
    finally:
        done.set()
        looking.join()
    if delivery.acknowledged != EVENTS:
        raise DemoError(f"not all events were delivered: {delivery.reasons}")
    return lines


def _line(client: PredictionClient) -> Line:
    low, high = client.predict(tv=0), client.predict(tv=300)
    slope = (high["prediction"] - low["prediction"]) / 300
    return Line(low["events"], low["prediction"], slope)


def _show_model(lines: list[Line]) -> None:
    table = Table("events", "line", f"at tv = {TV:g}", title="The learned line, as events arrived")
    step = max(1, len(lines) // 6)
    for line in [*lines[:-1:step], lines[-1]]:
        formula = f"sales = {line.intercept:.3f} + {line.slope:.5f} tv"
        table.add_row(f"{line.events:,}", formula, f"{line.at(TV):.3f}")
    table.add_row("[green]truth", "sales = 7.113 + 0.04580 tv", f"{truth(TV):.3f}")
    console.print(table)


def _show_metrics(service: Service) -> None:
    wanted = (
        "riverline_events_total",
        "riverline_requests_total",
        "riverline_prequential_error",
        "riverline_events_behind",
    )
    console.print("[bold]Some of the Prometheus metrics")
    for line in service.page("/metrics").splitlines():
        if line.startswith(wanted) and not line.endswith(" 0.0"):
            console.print(f"  {line}", highlight=False)
    console.print()


def _wait(condition: Callable[[], bool], otherwise: str) -> None:
    try:
        wait_until(condition, PATIENCE_SECONDS)
    except TimeoutError as error:
        raise DemoError(f"{otherwise}: {error}") from error


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
