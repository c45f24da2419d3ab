"""Which application answers."""

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import TopicPartition
from kafka.errors import (
    BrokerResponseError,
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    KafkaError,
    NoError,
    NotCoordinatorError,
)
from kafka.structs import OffsetAndMetadata

from consumer.client.protocols import Admin
from consumer.respond.claim import Claim, should_answer
from consumer.respond.take_over import TAKE_OVER_SECONDS, TakeOver
from consumer.settings import Settings
from consumer.telemetry.health import Health

NOW_MS = 1_780_000_000_000.0
AT = TopicPartition("prediction-requests", 0)
OURS = "riverline-responder"


def test_who_finds_nobody_answers_and_who_finds_another_does_not() -> None:
    assert should_answer("a", [], None, already=False)
    assert not should_answer("a", ["b"], None, already=False)
    assert should_answer("a", [], None, already=True)


def test_of_those_that_began_in_the_same_moment_one_goes_on() -> None:
    names = ["a", "b", "c"]
    for order in permutations(names):
        on = [name for name in order if should_answer(name, {*names} - {name}, None, already=True)]
        assert on == ["a"]


def test_who_was_told_to_take_over_waits_for_the_others_to_leave_and_they_do() -> None:
    assert not should_answer("a", ["b"], "b", already=True)
    assert not should_answer("b", ["a"], "b", already=False)
    assert not should_answer("a", [], "b", already=False)
    assert should_answer("b", [], "b", already=False)
    assert should_answer("b", ["a"], "b", already=True)


@given(st.text(max_size=40), st.integers(0, 60_000))
def test_a_note_is_read_as_it_was_written_until_it_has_run_out(name: str, left_ms: int) -> None:
    note = TakeOver(name or "x", int(NOW_MS) + left_ms)
    found = TakeOver.read(str(note), now_ms=NOW_MS)
    assert found == (note if 0 < left_ms <= 2 * TAKE_OVER_SECONDS * 1000 else None)


@given(st.text())
def test_any_text_is_a_note_or_none(text: str) -> None:
    note = TakeOver.read(text, now_ms=NOW_MS)
    assert note is None or note.until_ms > NOW_MS


class Groups:
    """An admin client to whom the other's group is shown while it is there."""

    def __init__(self, *, there: bool = True, offsets: BrokerResponseError | None = None) -> None:
        self.there = there
        self.offsets = offsets
        self.state = "Stable"
        self.error: str | None = None
        self.committed: dict[str, int] = {}
        self.answer: list[type[KafkaError]] = []  # to what is altered next
        self.notes: list[str] = []

    def list_groups(self) -> list[dict[str, Any]]:
        return [{"group_id": "other-responder", "group_state": self.state}] if self.there else []

    def describe_groups(self, _groups: object) -> dict[str, Any]:
        """As Kafka does: of a group that is not settled the members, and not what they read."""
        settled = self.state == "Stable"
        member = {"member_metadata": {"topics": ["prediction-requests"]} if settled else b""}
        members = [] if self.error else [member]
        state = "" if self.error else self.state
        return {"other-responder": {"error": self.error, "group_state": state, "members": members}}

    def list_group_offsets(self, groups: Mapping[str, object]) -> dict[str, dict[Any, Any]]:
        if self.offsets is not None:
            raise self.offsets
        return {
            group: {AT: OffsetAndMetadata(offset, "", -1)}
            if (offset := self.committed.get(group)) is not None
            else {}
            for group in groups
        }

    def alter_group_offsets(
        self, group: str, offsets: Mapping[TopicPartition, OffsetAndMetadata]
    ) -> dict[TopicPartition, type[KafkaError]]:
        if group.endswith("take-over"):
            self.notes.append(offsets[AT].metadata)
            return dict.fromkeys(offsets, NoError)
        error = self.answer.pop() if self.answer else NoError
        if error is NoError and offsets:
            self.committed[group] = offsets[AT].offset
        return dict.fromkeys(offsets, error)


def looked(claim: Claim, groups: Groups) -> bool:
    admin: Admin = groups  # type: ignore[assignment]  # as much of one as is used
    claim._looked_at = float("-inf")
    claim.look(admin)
    return claim.answering


def test_who_may_not_read_the_offsets_of_others_takes_over_all_the_same() -> None:
    claim, groups = Claim(Settings(), Health()), Groups(offsets=GroupAuthorizationFailedError())
    assert not looked(claim, groups)
    groups.there = False
    assert looked(claim, groups)


@pytest.mark.parametrize("answering", [False, True])
def test_while_kafka_cannot_tell_nothing_changes(*, answering: bool) -> None:
    claim, groups = Claim(Settings(), Health()), Groups(there=not answering)
    assert looked(claim, groups) is answering
    groups.there, groups.offsets = answering, CoordinatorNotAvailableError()
    assert looked(claim, groups) is answering


@pytest.mark.parametrize("state", ["PreparingRebalance", "CompletingRebalance"])
def test_who_stands_by_does_not_answer_while_the_others_share_anew(state: str) -> None:
    claim, groups = Claim(Settings(), Health()), Groups()
    assert not looked(claim, groups)
    groups.state = state
    assert not looked(claim, groups)
    assert not looked(Claim(Settings(), Health()), groups)  # nor who has only begun
    groups.there = False
    assert looked(claim, groups)


def test_a_group_that_is_not_known_and_shares_anew_stops_nobody_who_answers() -> None:
    claim, groups = Claim(Settings(), Health()), Groups(there=False)
    assert looked(claim, groups)
    groups.there, groups.state = True, "PreparingRebalance"
    assert looked(claim, groups)


def test_a_group_that_cannot_be_described_now_is_not_taken_for_gone() -> None:
    claim, groups = Claim(Settings(), Health()), Groups()
    assert not looked(claim, groups)
    groups.error = str(CoordinatorNotAvailableError())
    assert not looked(claim, groups)


def test_who_takes_over_goes_on_where_the_other_has_stopped() -> None:
    claim, groups = Claim(Settings(), Health()), Groups()
    groups.committed = {"other-responder": 70}
    assert not looked(claim, groups)
    groups.there, groups.answer = False, [NotCoordinatorError]
    assert not looked(claim, groups)  # what was asked since then would be lost
    assert looked(claim, groups)
    assert groups.committed[OURS] == 70


def test_who_takes_over_answers_nothing_again_that_it_has_answered_itself() -> None:
    """As where the other ended before it had committed anything new."""
    claim, groups = Claim(Settings(), Health()), Groups()
    groups.committed = {"other-responder": 70, OURS: 9000}
    assert not looked(claim, groups)
    groups.there = False
    assert looked(claim, groups)
    assert groups.committed[OURS] == 9000


def test_an_application_that_ends_before_it_took_over_takes_its_note_back() -> None:
    groups = Groups()
    admin: Admin = groups  # type: ignore[assignment]  # as much of one as is used
    claim = Claim(Settings(take_over=True), Health())
    assert not looked(claim, groups)
    claim.retract(admin)
    left, taken_back = groups.notes
    assert left.startswith("riverline ")
    assert taken_back == ""


def test_an_application_without_a_note_takes_none_back() -> None:
    groups = Groups(there=False)
    admin: Admin = groups  # type: ignore[assignment]  # as much of one as is used
    claim = Claim(Settings(), Health())
    assert looked(claim, groups)
    claim.retract(admin)
    assert groups.notes == []
