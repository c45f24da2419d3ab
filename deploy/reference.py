"""The documentation's reference pages, from the code: `make reference` writes `docs/reference/`.

A test holds the pages to what this makes of the settings, the metrics and the contract.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from prometheus_client import Metric

from consumer.decode import ValueAlone
from consumer.decode.mapping import read_model
from consumer.model import FoldResult, ModelSpec, Partition, Served
from consumer.settings import Settings
from consumer.telemetry import ChallengerCollector, Health, Telemetry
from contract import topics
from contract.environment import Environment
from contract.examples import load_events, load_replies, load_requests
from contract.login import Login
from contract.messages import DEAD_LETTER_HEADERS, ErrorCode, Method, Reason
from contract.schemas import SCHEMA_NAMES, load_schema

TARGET: Final = Path(__file__).parents[1] / "docs/reference"

NOTE: Final = "<!-- Written by `make reference` from the code: change that. -->\n"
SHOWN_CHARACTERS: Final = 160
DEFAULTS: Final = Settings.model_construct()  # whatever the environment says


def settings() -> str:
    """Each environment variable, with its default and its bounds."""
    parts = [
        ("Coming in to Kafka", "Of the consumer, the producer and the gateway.", Login, ()),
        ("Topics and fields", "Of the same three.", Environment, Login.model_fields),
        ("The consumer", "Of the service alone.", Settings, Environment.model_fields),
    ]
    sections = [
        f"## {title}\n\n{about}\n\n" + _settings_table(model, set(known))
        for title, about, model, known in parts
    ]
    secrets = ", ".join(f"`{name}_FILE`" for name in Settings.secrets())
    return _page(
        "Settings",
        "All settings are environment variables. `riverline-consumer --help`, `riverline-producer "
        "--help` and the gateway's `npm start -- --help` list those that each of them reads. All "
        "faults are reported together, with exit code 2. A secret may be in a file instead, named "
        f"by {secrets}.",
        *sections,
    )


def metrics() -> str:
    """Each metric of the consumer, with its type and labels."""
    spec = DEFAULTS.spec
    served, health = Served(spec), Health(1.0)
    partition = Partition(spec)
    partition.fold([ValueAlone(it.value, offset) for offset, it in enumerate(load_events())])
    served.own({0: partition.view()})
    health.leaderless["topic"] = 1
    info = ("version", "river", "python", "formula", "learner")
    telemetry = Telemetry(served, dict.fromkeys(info, ""))
    telemetry.watch_health(health)
    telemetry.watch_log({"event": 0})
    telemetry.registry.register(ChallengerCollector(_compared(), 1000))
    telemetry.lags({0: 0}, {0: 0.0})
    telemetry.follows({0: 0})
    telemetry.folded(FoldResult(undeclared={"field": ["level"]}), 0.0)
    found = sorted(telemetry.registry.collect(), key=lambda metric: metric.name)
    ours = [_metric_row(metric) for metric in found if metric.name.startswith("riverline_")]
    return _page(
        "Metrics",
        "The consumer's, at `/metrics` of `HTTP_HOST:HTTP_PORT`, beside those of the process and "
        "of Python (`process_`, `python_`). The gateway has its own, `riverline_gateway_`, at its "
        "`/metrics`. What to watch, and the alerts: [Operation](../OPERATIONS.md).",
        _table(("metric", "type", "labels", "meaning"), ours),
    )


def _compared() -> Served:
    """A model with a challenger that has been compared."""
    text = 'formula = "y ~ x"\nchallengers = ["y ~ 1"]\n[fields.x]\n[fields.y]\n'
    spec = ModelSpec.of_file(read_model(text), "bayesian")
    partition, served = Partition(spec), Served(spec)
    partition.fold([ValueAlone(b'{"x": %d, "y": %d}' % (x, x * x), x) for x in range(40)])
    served.own({0: partition.view()})
    return served


def messages() -> str:
    """Topics, methods, reasons, codes and schemas, as the contract has them."""
    requests, replies = load_requests(), load_replies()
    own = DEFAULTS
    all_topics = [*own.topics, topics.changelog(own.changelog_topic, topics.PARTITION_COUNT)]
    asked = ((it, _shown(next(r.value for r in requests if r.asks is it))) for it in Method)
    errors = (
        (it, _shown(next((r.value for r in replies if r.error is it), None))) for it in ErrorCode
    )
    return _page(
        "Messages",
        "What crosses the broker. [contract/](../../contract/) has the JSON schemas, an AsyncAPI "
        "document and golden examples for your tests; [Clients](../CLIENTS.md) has the headers of "
        "requests and replies.",
        "## Topics\n\nAs the service creates them where they are missing.\n\n"
        + _table(
            ("topic", "partitions", "settings"),
            (
                (f"`{it.name}`", str(it.partition_count), "<br>".join(_pairs(it.config)))
                for it in all_topics
            ),
        ),
        "## Methods\n\n"
        + load_schema("request")["$defs"]["method"]["description"]
        + "\n\n"
        + _table(("method", "for example"), ((f"`{it}`", text) for it, text in asked)),
        "## Why an event is refused\n\nIn the order of the checks: "
        + ", ".join(f"`{it}`" for it in Reason)
        + ". A request is refused for the same reasons, and for more:",
        "## Error replies\n\n"
        + _table(("code", "for example"), ((f"`{it}`", text) for it, text in errors)),
        "## Headers of a dead letter\n\n" + "\n".join(f"- `{it}`" for it in DEAD_LETTER_HEADERS),
        "## Schemas\n\n" + "\n\n".join(_schema(load_schema(name), name) for name in SCHEMA_NAMES),
    )


PAGES: Final = {"settings": settings, "metrics": metrics, "messages": messages}


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([NOTE + f"\n# {title}", *parts]) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _settings_table(model: type[Login], known: set[str]) -> str:
    properties = model.model_json_schema()["properties"]
    rows = [
        (f"`{name.upper()}`", _default(one.get("default")), _bounds(one), _text(one["description"]))
        for name, one in properties.items()
        if name not in known
    ]
    return _table(("variable", "default", "values", "meaning"), rows)


def _default(value: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        value = ",".join(map(str, value))
    if isinstance(value, bool):
        value = str(value).lower()
    return "" if value in (None, "") else f"`{value}`"


def _bounds(one: dict[str, Any]) -> str:
    """The values that are allowed, as far as the schema says so."""
    for kind in (one, *one.get("anyOf", ())):
        if "enum" in kind:
            return ", ".join(f"`{it}`" for it in kind["enum"])
        if "minimum" in kind:
            return (
                f"{kind['minimum']:,} to {kind['maximum']:,}"
                if "maximum" in kind
                else (f"from {kind['minimum']:,}")
            )
        if kind.get("type") == "boolean":
            return "`true`, `false`"
    return ""


def _metric_row(metric: Metric) -> tuple[str, str, str, str]:
    suffix = "_total" if metric.type == "counter" else ""
    labels = sorted({name for sample in metric.samples for name in sample.labels} - {"le"})
    names = ", ".join(f"`{name}`" for name in labels)
    return f"`{metric.name}{suffix}`", metric.type, names, _text(metric.documentation)


def _pairs(config: Any) -> Iterator[str]:  # noqa: ANN401 - a mapping of texts
    return (f"`{name}={value}`" for name, value in config.items())


def _shown(value: bytes | None) -> str:
    """A value in a table: its beginning, as code; empty if there is none that is short text."""
    if value is None or len(value) > SHOWN_CHARACTERS * 4:
        return ""
    text = value.decode(errors="replace").strip()
    if not text.isprintable() or "`" in text:
        return ""
    text = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + " ..."
    return f"`{_text(text)}`" if text else ""


def _text(text: str) -> str:
    """A sentence in a table's cell."""
    return text.replace("|", "\\|")


def _schema(schema: dict[str, Any], name: str) -> str:
    file = f"[{name}.schema.json](../../contract/schemas/{name}.schema.json)"
    return f"### {schema['title']}\n\n{schema['description']}\n\n{file}"


if __name__ == "__main__":
    TARGET.mkdir(exist_ok=True)
    for page, written in PAGES.items():
        (TARGET / f"{page}.md").write_text(written())
