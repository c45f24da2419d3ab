"""Refused events are said at once, and then once a minute while it lasts."""

from consumer.decode import Rejected
from consumer.learn.refusals import EVERY_SECONDS, Refusals
from consumer.model import FoldResult, RejectedRecord
from contract.messages import Reason
from unit.records import Record


def result(learned: int, *details: str) -> FoldResult:
    refused = [
        RejectedRecord(Record(offset, b"{}"), Rejected(Reason.NOT_A_LEVEL, detail))
        for offset, detail in enumerate(details)
    ]
    return FoldResult(learned=learned, refused=refused)


def test_nothing_is_said_while_nothing_is_refused() -> None:
    assert Refusals().saw(0, result(5), 0.0) is None


def test_nothing_that_an_event_said_is_in_the_log() -> None:
    for text in ("O'Brien", "a'b'secret", 'say "secret"', "both ' and \" of it", "\\", "'"):
        said = Refusals().saw(0, result(0, f"os: {text!r} is not one of its levels"), 0.0)
        assert said is not None
        assert said["last"] == "os: '...' is not one of its levels"


def test_the_first_is_said_at_once_and_the_others_in_a_summary_a_minute() -> None:
    refusals = Refusals()
    said = refusals.saw(2, result(3, "os: 'BeOS' is not one of its levels"), 10.0)
    assert said == {
        "refused": 1,
        "share": 0.25,
        "reasons": {"not-a-level": 1},
        "last": "os: '...' is not one of its levels",
        "partition": 2,
        "offset": 0,
    }
    assert refusals.saw(2, result(0, "a", "b"), 11.0) is None
    assert refusals.saw(2, result(6), 12.0) is None
    summary = refusals.saw(2, result(0), 10.0 + EVERY_SECONDS)
    assert summary is not None
    assert (summary["refused"], summary["share"], summary["last"]) == (2, 0.25, "b")
    assert refusals.saw(2, result(9), 11.0 + 2 * EVERY_SECONDS) is None
