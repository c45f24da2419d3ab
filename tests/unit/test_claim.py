"""Which application answers."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from consumer.claim import WORD_SECONDS, Word, answers

NOW_MS = 1_780_000_000_000.0


def test_who_finds_nobody_answers_and_who_finds_another_does_not() -> None:
    assert answers("a", [], None, already=False)
    assert not answers("a", ["b"], None, already=False)
    assert answers("a", [], None, already=True)


def test_of_those_that_began_in_the_same_moment_one_goes_on() -> None:
    names = ["a", "b", "c"]
    for order in permutations(names):
        on = [name for name in order if answers(name, {*names} - {name}, None, already=True)]
        assert on == ["a"]


def test_who_was_told_to_take_over_waits_for_the_others_to_leave_and_they_do() -> None:
    assert not answers("a", ["b"], "b", already=True)
    assert not answers("b", ["a"], "b", already=False)
    assert not answers("a", [], "b", already=False)
    assert answers("b", [], "b", already=False)
    assert answers("b", ["a"], "b", already=True)


@given(st.text(max_size=40), st.integers(0, 60_000))
def test_a_word_is_read_as_it_was_written_until_it_has_run_out(name: str, left_ms: int) -> None:
    word = Word(name or "x", int(NOW_MS) + left_ms)
    found = Word.read(str(word), now_ms=NOW_MS)
    assert found == (word if 0 < left_ms <= 2 * WORD_SECONDS * 1000 else None)


@given(st.text())
def test_any_text_is_a_word_or_none(text: str) -> None:
    word = Word.read(text, now_ms=NOW_MS)
    assert word is None or word.until_ms > NOW_MS
