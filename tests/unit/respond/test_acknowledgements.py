"""Events that ask for it are acknowledged, but for old ones that are read again."""

from typing import cast

import pytest

from consumer.respond.acknowledgements import MAX_AGE_MS, Acknowledgements
from consumer.respond.replies import Replies
from contract.messages import Outcome
from unit.kept_replies import KeptReplies
from unit.records import Record, model

NOW_MS = 1_780_000_000_000
HEADERS = [("reply_to", b"ok-1"), ("correlation_id", b"7")]


@pytest.mark.parametrize(
    ("offset", "age_ms", "told"),
    [
        (99, MAX_AGE_MS + 1, 0),  # read again, and old
        (99, MAX_AGE_MS - 1, 1),
        (100, MAX_AGE_MS - 1, 1),
        (100, MAX_AGE_MS + 1, 1),  # its sender's clock is behind
        (100, 10**12, 1),
        (100, -(10**12), 1),
    ],
)
def test_only_what_lay_before_the_log_s_end_may_be_too_old(
    offset: int, age_ms: int, told: int
) -> None:
    sent = KeptReplies()
    way = Acknowledgements(cast("Replies", sent), "replies", lambda _: True)
    record = Record(offset, b"", timestamp=NOW_MS - age_ms, headers=HEADERS)
    rows = [(1.0, 2.0, 3.0, 4.0), (2.0, 3.0, 5.0, 6.0)]
    asking = [(record, Outcome.LEARNED)]
    way.send(asking, model(rows), partition=2, again=100, now_ms=NOW_MS)
    assert [body["at_least"] for body in sent.bodies()] == [{"2": offset + 1}] * told
