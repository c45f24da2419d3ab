"""What a formula may say, and what is said to one that does not parse."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.decode.formula import MAX_ECHO_LENGTH, MAX_FORMULA_LENGTH, Formula, parse_formula
from consumer.decode.request_error import RequestError
from contract.messages import ErrorCode

FIELDS = ("tv", "radio", "newspaper", "sales")


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("sales ~ tv + radio", ("tv", "radio")),
        ("sales~tv+radio", ("tv", "radio")),
        ("\t sales\n~  tv\r\n +\u00a0radio ", ("tv", "radio")),
        ("sales ~ radio + tv", ("radio", "tv")),
        ("sales ~ 1", ()),
        ("sales ~ 1 + tv", ("tv",)),
        ("sales ~ tv + 1", ("tv",)),
        ("sales ~ .", ("tv", "radio", "newspaper")),
        ("sales ~ radio + .", ("radio", "tv", "newspaper")),
        ("sales ~ tv + radio + tv", ("tv", "radio")),
    ],
)
def test_a_formula_names_its_terms_once_and_in_order(text: str, terms: tuple[str, ...]) -> None:
    assert parse_formula(text, FIELDS) == Formula("sales", terms)


def test_a_formula_is_written_as_it_is_read() -> None:
    assert str(Formula("sales", ("tv", "radio"))) == "sales ~ tv + radio"
    assert str(Formula("sales", ())) == "sales ~ 1"


def test_a_one_sided_formula_takes_the_target_that_is_passed() -> None:
    assert parse_formula("~ tv", FIELDS, target="sales") == Formula("sales", ("tv",))


def test_a_written_target_goes_before_the_one_that_is_passed() -> None:
    assert parse_formula("tv ~ radio", FIELDS, target="sales") == Formula("tv", ("radio",))


def test_field_names_may_hold_dots_and_digits() -> None:
    assert parse_formula("y ~ a.1 + _b", ("a.1", "_b", "y")) == Formula("y", ("a.1", "_b"))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "no ~"),
        ("sales", "no ~"),
        ("~ tv", "no target"),
        ("sales ~", "a term is missing"),
        ("sales ~ tv +", "a term is missing"),
        ("sales ~ tv + + radio", "a term is missing"),
        ("sales ~ tv radio", "'tv radio'"),
        ("sales ~ tv ~ radio", "'tv ~ radio'"),
        ("sales ~ tv * radio", "'tv * radio'"),
        ("sales ~ tv - 1", "'tv - 1'"),
        ("sales ~ 0 + tv", "'0'"),
        ("sales ~ log(tv)", "'log(tv)'"),
        ("log(sales) ~ tv", "'log(sales)'"),
        ("sales ~ __import__('os').system('true')", "system"),
        ("sales ~ \x1b[31mtv", r"\x1b"),
        ("sales ~ sales", "sales is on both sides"),
        ("sales ~ tv + sales", "sales is on both sides"),
    ],
)
def test_what_does_not_parse_is_refused_by_the_part_at_fault(text: str, part: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse_formula(text, FIELDS)
    assert refused.value.code is ErrorCode.BAD_FORMULA
    assert part in refused.value.message


@pytest.mark.parametrize("text", ["sales ~ internet", "internet ~ tv", "sales ~ TV"])
def test_an_unknown_field_is_named_and_the_known_ones_are_listed(text: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse_formula(text, FIELDS)
    assert refused.value.code is ErrorCode.UNKNOWN_FIELD
    assert "internet" in refused.value.message or "TV" in refused.value.message
    assert "tv, radio, newspaper, sales" in refused.value.message


def test_a_formula_beyond_the_limit_is_refused_unread() -> None:
    with pytest.raises(RequestError, match="characters") as refused:
        parse_formula("sales ~ " + "tv + " * MAX_FORMULA_LENGTH + "tv", FIELDS)
    assert refused.value.code is ErrorCode.BAD_FORMULA


@settings(deadline=None)
@given(text=st.text(max_size=300) | st.text(alphabet="tvradiosales ~+.1\t", max_size=60))
def test_any_text_is_a_formula_over_the_fields_or_a_short_refusal(text: str) -> None:
    refusals: list[RequestError] = []
    try:
        formula = parse_formula(text, FIELDS, target="sales")
    except RequestError as refusal:
        refusals.append(refusal)
        formula = Formula("sales", ())
    assert {refusal.code for refusal in refusals} <= {
        ErrorCode.BAD_FORMULA,
        ErrorCode.UNKNOWN_FIELD,
    }
    assert all(len(refusal.message) <= MAX_ECHO_LENGTH + 100 for refusal in refusals)
    assert {formula.target, *formula.terms} <= set(FIELDS)
    assert parse_formula(str(formula), FIELDS) == formula
