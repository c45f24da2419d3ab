"""The corpus of `make fuzz`, once through: what was found stays mended, and no target is blind."""

import json
import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from consumer.client.internals.batches import Unpacked
from consumer.decode.dialects import Address
from consumer.decode.dialects.families import PLAIN
from consumer.model.partition import Partition
from consumer.state import snapshot
from fuzz import targets
from fuzz.run import CORPUS, mutate_json
from fuzz.targets import TARGETS
from unit.batches import fetched

SEEDS = sorted(CORPUS.glob("*/*"))
REACHED = {
    "event": {"row", "unlabelled", "bad-json", "bad-shape", "missing-field", "out-of-range"},
    "mapping": {"row", "unlabelled", "skipped", "no model file", "not-a-level", "undefined"},
    "request": {
        "predict, addressed",
        "train, addressed",
        "describe, addressed",
        "expired, addressed",
    },
    "batch": {f"compression {codec}, none unreadable" for codec in range(5)},
    "snapshot": {
        "signed: regression",
        "signed: history",
        "signed: history and regression",
        "signed: damaged",
        "signed: foreign",
        "damaged",
    },
}


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_kept_passes_and_reaches_what_there_is(name: str) -> None:
    reached = {TARGETS[name](seed.read_bytes()) for seed in SEEDS if seed.parent.name == name}
    assert reached >= REACHED[name]


def test_every_file_is_of_a_target_and_small() -> None:
    assert {seed.parent.name for seed in SEEDS} == set(TARGETS)
    assert max(seed.stat().st_size for seed in SEEDS) < 8192


def _one_more(raw: bytes, position: int = 0) -> tuple[list[Unpacked], int]:
    records, after = fetched(raw, position)
    return [*records, *records[-1:]], after


OF_ANOTHER_PLACE = SimpleNamespace(
    read=snapshot.read,
    write=snapshot.write,
    digest=snapshot.digest,
    take=lambda *of: replace(snapshot.take(*of), position=-1),
    take_history=snapshot.take_history,
)


@pytest.mark.parametrize(
    ("name", "seed", "subject", "broken"),
    [
        ("event", "row", "decode", lambda _: (1.0, 2.0, 3.0, float("inf"))),
        ("event", "row", "decode", lambda _: (1.0, 2.0, 3.0, 4.0)),
        ("mapping", "row", "Partition", lambda spec: Partition(spec, 1)),
        ("request", "plain", "find_address", lambda *_, **__: Address("elsewhere", PLAIN, b"1")),
        ("batch", "plain", "fetched", _one_more),
        ("snapshot", "bayesian-4", "snapshot", OF_ANOTHER_PLACE),
    ],
)
def test_a_target_notices_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    seed: str,
    subject: str,
    broken: Any,  # noqa: ANN401
) -> None:
    monkeypatch.setattr(targets, subject, broken)
    with pytest.raises(AssertionError):
        TARGETS[name]((CORPUS / name / seed).read_bytes())


def test_a_changed_document_is_still_one() -> None:
    seed = (CORPUS / "snapshot" / "bayesian-4").read_bytes()
    chance = random.Random(1)  # noqa: S311 - repeatable
    changed = [mutate_json(seed, chance) for _ in range(200)]
    documents = [json.loads(one) for one in changed if one is not None]
    assert len(documents) > 50
    assert sum(one != json.loads(seed) for one in documents) > 0.9 * len(documents)
    assert all(mutate_json(b"{", chance) is None for _ in range(9))
