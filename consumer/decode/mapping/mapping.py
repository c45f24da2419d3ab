"""Reads an event, of any shape, into the row of a model file's fields and functions. Total."""

import math
from collections.abc import Iterable
from typing import Any

from consumer.decode.event import SKIPPED, UNLABELLED, Decoded, Rejected, Unlabelled, parse_object
from consumer.decode.formula import echo
from consumer.decode.mapping.fields import INDICATED, Field
from consumer.decode.mapping.kinds import Note, reader
from consumer.decode.mapping.model_file import ModelFile
from consumer.decode.mapping.paths import FAILS, condition, is_text, member, path
from consumer.decode.record import Record
from consumer.decode.refusal import Refusal
from consumer.decode.wilkinson.expressions import Expression
from contract.messages import ErrorCode, Reason

_ABSENT = (None, "")
"""Missing: null and absent, and a text without a character."""


class Mapping:
    """A model file at work: events and requests in, rows and numbers out.

    Args:
        model: The model file.
    """

    def __init__(self, model: ModelFile) -> None:
        self.model = model
        design = model.design
        self._target = model.target_fields
        self._holds = None if model.where is None else condition(model.where)
        self._undeclared: list[tuple[str, str]] = []
        readers = [_FieldReader(field, self._undeclared.append) for field in model.fields]
        # The target first: an event that lacks it is unlabelled, whatever else it lacks.
        self._readers = sorted(readers, key=lambda it: it.name not in self._target)
        # Of requests, in other threads: what these name is not counted.
        self._of_requests = [_FieldReader(field, lambda _: None) for field in model.fields]
        self._by_name = {it.name: it for it in self._of_requests}
        self._names = design.variables.names
        self._functions = design.functions
        self._order = design.fields

    def __call__(self, record: Record) -> Decoded:
        """The row of a labelled event, ``UNLABELLED``, ``SKIPPED``, or the reason for refusal."""
        document = parse_object(record.value)
        if isinstance(document, Rejected):
            return document
        if self._holds is not None:
            try:
                if not self._holds(document, record):
                    return SKIPPED
            except FAILS as error:
                return Rejected(Reason.BAD_SHAPE, f"where: {_said(error)}")
        values = self._values(self._readers, document, record, labelled=True)
        if not isinstance(values, dict):
            return values
        for function in self._functions:
            value = math.nan if self._lacks(function, values) else function(values)
            if value is None:
                return _undefined(function)
            values[function.name] = value
        return tuple([values[name] for name in self._order])

    def given(self, params: dict[str, Any]) -> dict[str, float]:
        """The numbers of a request's fields by name, and the functions that follow from them.

        Raises:
            Refusal: A name is not a field, or a value does not count.
        """
        values: dict[str, float] = {}
        for name, value in params.items():
            source = self._by_name.get(name)
            if source is None:
                known = ", ".join(self._by_name)
                raise Refusal(
                    ErrorCode.UNKNOWN_FIELD, f"{echo(name)} is not a field; the fields are {known}"
                )
            fault = source.note(value, values)
            if fault is not None:
                raise Refusal(ErrorCode(fault.reason), fault.detail)
        return self._with_functions(values)

    def given_event(self, event: object, record: Record) -> dict[str, float]:
        """The numbers of a whole event, the target's too if it has one.

        Raises:
            Refusal: It is not an object, or a value does not count.
        """
        if type(event) is not dict:
            raise Refusal(ErrorCode.BAD_PARAMS, "event must be an object")
        values = self._values(self._of_requests, event, record, labelled=False)
        if isinstance(values, Rejected):
            raise Refusal(ErrorCode(values.reason), values.detail)
        return self._with_functions(values if isinstance(values, dict) else {})

    def take_undeclared(self) -> list[tuple[str, str]]:
        """The texts of events since the last call that are not levels, each with its field."""
        taken = self._undeclared.copy()
        self._undeclared.clear()
        return taken

    def _values(
        self,
        readers: Iterable["_FieldReader"],
        document: dict[str, Any],
        record: Record,
        *,
        labelled: bool,
    ) -> dict[str, float] | Unlabelled | Rejected:
        values: dict[str, float] = {}
        for source in readers:
            try:
                value = source.get(document, record)
            except FAILS as error:
                return Rejected(Reason.BAD_SHAPE, f"{source.name}: {_said(error)}")
            if value in _ABSENT and source.name in self._target:
                if labelled:
                    return UNLABELLED
                continue
            fault = source.note(value, values)
            if fault is not None:
                return fault
        return values

    @staticmethod
    def _lacks(function: Expression, values: dict[str, float]) -> bool:
        return any(math.isnan(values.get(name, math.nan)) for name in function.fields)

    def _with_functions(self, values: dict[str, float]) -> dict[str, float]:
        for function in self._functions:
            if not self._lacks(function, values):
                value = function(values)
                if value is None:
                    fault = _undefined(function)
                    raise Refusal(ErrorCode(fault.reason), fault.detail)
                values[function.name] = value
        return {name: value for name, value in values.items() if not math.isnan(value)}


class _FieldReader:
    """Finds one field in an event, and reads it."""

    def __init__(self, field: Field, note: Note) -> None:
        self.name = field.name
        where = field.path
        self.get = member(field.name) if where is None else path(where)
        self._read = reader(field, note, text=field.text or (where is not None and is_text(where)))
        self._substitute = field.substitute()
        self._indicator = field.name + INDICATED if field.indicated else None
        self._where = f"{field.name} is missing" + (f" ({where})" if where else "")

    def note(self, value: object, values: dict[str, float]) -> Rejected | None:
        """Add the field's number to the values; the reason for refusal if it has none."""
        missing = value in _ABSENT
        if missing:
            if self._substitute is None:
                return Rejected(Reason.MISSING_FIELD, self._where)
            number: float | Rejected = self._substitute
        else:
            number = self._read(value)
        if type(number) is Rejected:
            return number
        values[self.name] = number  # type: ignore[assignment]
        if self._indicator is not None:
            values[self._indicator] = float(missing)
        return None


def _undefined(function: Expression) -> Rejected:
    return Rejected(
        Reason.UNDEFINED, f"{function.name} has no value there, or one beyond the limit"
    )


def _said(error: BaseException) -> str:
    return echo(str(error).splitlines()[0] if str(error) else type(error).__name__)
