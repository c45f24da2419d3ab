"""Reads an event, of any shape, into the row of a model file's fields and functions. Total."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from consumer.decode.event import (
    SKIPPED,
    UNLABELLED,
    Decoded,
    Rejected,
    Row,
    Skipped,
    Unlabelled,
    parse_object,
)
from consumer.decode.formula import echo
from consumer.decode.mapping.fields import INDICATED, Field
from consumer.decode.mapping.ids import EventIds, found, identified, said
from consumer.decode.mapping.kinds import Note, by_name, reader
from consumer.decode.mapping.labels import Labels, lacks, undefined
from consumer.decode.mapping.model_file import ModelFile
from consumer.decode.mapping.paths import FAILS, condition, dotted, equality, is_text, member, path
from consumer.decode.mapping.plain import Leaves, plain_leaves
from consumer.decode.record import Record
from consumer.decode.request_error import RequestError
from contract.messages import ErrorCode, Reason


class Mapping:
    """A model file at work: events and requests in, rows and numbers out.

    Args:
        model: The model file.
        counts: Whether undeclared levels are noted, for ``take_undeclared``; then one thread alone
            may call it with events.
    """

    def __init__(self, model: ModelFile, *, counts: bool = True) -> None:
        self.model = model
        design = model.design
        self._target = model.target_fields
        self._holds = None if model.where is None else condition(model.where)
        self._undeclared: list[tuple[str, str]] = []
        note: Note = self._undeclared.append if counts else _unnoted
        readers = [_FieldReader(field, note) for field in model.fields]
        event, label = model.tables.event, model.tables.label
        # The target first: an event that lacks it is unlabelled, whatever else it lacks.
        self._readers = sorted(readers, key=lambda it: it.name not in self._target)
        self.ids = None if event is None else EventIds(event.id, "event.id")
        self.labels = None if label is None else Labels(model, self._readers[0].read)
        self._start: dict[str, float] = {}
        if label is not None and self._readers[0].path is None:  # labels alone have the target
            self._start[self._readers.pop(0).name] = math.nan
        # Of requests, in other threads: what these name is not counted.
        self._of_requests = [_FieldReader(field, _unnoted) for field in model.fields]
        self._by_name = {field.name: _FieldReader(field, _unnoted) for field in model.fields}
        for field in model.fields:
            source = self._by_name[field.name]
            source.read = by_name(field, source.read)
        self._functions = design.functions
        self._order = design.fields
        self._plain, self._expected = self._fast_way()

    def _fast_way(self) -> tuple[Callable[[bytes | None], Leaves | None] | None, str | None]:
        """What reads the fields and then, if there is a ``where``, the text that it compares."""
        paths = [dotted(it.path, it.name) for it in self._readers]
        expected = None
        if self.model.where is not None:
            compared, expected = equality(self.model.where) or ("@", None)
            paths.append(dotted(compared, ""))
        event, label = self.model.tables.event, self.model.tables.label
        self._is_label: str | None = None
        if event is not None:
            paths.append(dotted(event.id, ""))
        if label is not None:
            compared, self._is_label = equality(label.where) or ("@", None)
            paths += [dotted(it, "") for it in (compared, label.id, label.value)]
        whole = [path for path in paths if path is not None]
        return (plain_leaves(whole) if len(whole) == len(paths) else None), expected

    def __call__(self, record: Record) -> Decoded:
        """The row of a labelled event, ``UNLABELLED``, ``SKIPPED``, or the reason for refusal.

        With ids an ``Identified`` event, or a ``Label``.
        """
        leaves = self._plain(record.value) if self._plain is not None else None
        if leaves is None:
            return self._by_paths(record)
        ids = self.ids
        if ids is None:
            return self._of_leaves(leaves, -1)
        if self.labels is None:
            event, id_ = self._of_leaves(leaves, -2), leaves[-1]
        elif leaves[-3] == self._is_label:
            return self.labels.of_values(leaves[-2], leaves[-1])
        else:
            event, id_ = self._of_leaves(leaves, -5), leaves[-4]
        return event if type(event) is Skipped else identified(event, ids.read(id_))  # type: ignore[arg-type]

    def _of_leaves(self, leaves: Leaves, where: int) -> Row | Unlabelled | Skipped | Rejected:
        if self._expected is not None and leaves[where] != self._expected:
            return SKIPPED
        return self._row(self._numbers(zip(self._readers, leaves, strict=False), labelled=True))

    def _by_paths(self, record: Record) -> Decoded:
        document = parse_object(record.value)
        if isinstance(document, Rejected):
            return document
        if self.labels is not None and (is_label := self.labels.holds(document, record)):
            return is_label if type(is_label) is Rejected else self.labels.of(document, record)
        if self._holds is not None:
            try:
                if not self._holds(document, record):
                    return SKIPPED
            except FAILS as error:
                return Rejected(Reason.BAD_SHAPE, f"where: {said(error)}")
        event = self._row(self._values(self._readers, document, record, labelled=True))
        if (ids := self.ids) is None:
            return event
        return identified(event, ids.of(document, record))

    def _row(self, values: dict[str, float] | Unlabelled | Rejected) -> Row | Unlabelled | Rejected:
        if type(values) is not dict:
            return values  # type: ignore[return-value]
        for function in self._functions:
            value = math.nan if lacks(function, values) else function(values)
            if value is None:
                return undefined(function)
            values[function.name] = value
        return tuple([values[name] for name in self._order])

    def given(self, params: dict[str, Any]) -> dict[str, float]:
        """The numbers of a request's fields by name, and the functions that follow from them.

        Raises:
            RequestError: A name is not a field, or a value does not count.
        """
        given: list[tuple[_FieldReader, object]] = []
        for name, value in params.items():
            source = self._by_name.get(name)
            if source is None:
                known = ", ".join(self._by_name)
                raise RequestError(
                    ErrorCode.UNKNOWN_FIELD, f"{echo(name)} is not a field; the fields are {known}"
                )
            given.append((source, value))
        values = self._numbers(given, labelled=False)
        if not isinstance(values, dict):
            raise _refusal(values)
        return self._with_functions(values)

    def given_event(self, event: object, record: Record) -> dict[str, float]:
        """The numbers of a whole event, the target's too if it has one.

        Raises:
            RequestError: It is not an object, or a value does not count.
        """
        if type(event) is not dict:
            raise RequestError(ErrorCode.BAD_PARAMS, "event must be an object")
        values = self._values(self._of_requests, event, record, labelled=False)
        if not isinstance(values, dict):
            raise _refusal(values)
        return self._with_functions(values)

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
        read: list[tuple[_FieldReader, object]] = []
        for source in readers:
            value = found(source.get, document, record)
            if type(value) is Rejected:
                # What stands before it counts first, as without it.
                before = self._numbers(read, labelled=labelled)
                fault = Rejected(value.reason, f"{source.name}: {value.detail}")
                return fault if type(before) is dict else before
            read.append((source, value))
        return self._numbers(read, labelled=labelled)

    def _numbers(
        self, read: Iterable[tuple["_FieldReader", object]], *, labelled: bool
    ) -> dict[str, float] | Unlabelled | Rejected:
        """The numbers of fields, from what stands at their paths."""
        values = self._start.copy()
        for source, value in read:
            if value is None or value == "":
                if source.name in self._target:
                    if labelled and self.labels is None:
                        return UNLABELLED
                    if labelled:
                        values[source.name] = math.nan  # its label may come
                    continue
                if source.substitute is None:
                    return Rejected(Reason.MISSING_FIELD, source.where)
                number = source.substitute
            else:
                counts = source.read(value)
                if isinstance(counts, Rejected):
                    return counts
                number = counts
            values[source.name] = number
            if source.indicator is not None:
                values[source.indicator] = float(value is None or value == "")
        return values

    def _with_functions(self, values: dict[str, float]) -> dict[str, float]:
        for function in self._functions:
            if not lacks(function, values):
                value = function(values)
                if value is None:
                    fault = undefined(function)
                    raise RequestError(ErrorCode(fault.reason), fault.detail)
                values[function.name] = value
        return {name: value for name, value in values.items() if not math.isnan(value)}


class _FieldReader:
    """Finds one field in an event, and reads it."""

    def __init__(self, field: Field, note: Note) -> None:
        self.name, self.path = field.name, field.path
        self.get = member(field.name) if field.path is None else path(field.path)
        text = field.text or (field.path is not None and is_text(field.path))
        self.read = reader(field, note, text=text)
        self.substitute = field.substitute()
        self.indicator = field.name + INDICATED if field.indicated else None
        self.where = f"{field.name} is missing" + (f" ({echo(field.path)})" if field.path else "")


def _unnoted(_: tuple[str, str]) -> None:
    """What nobody counts."""


def _refusal(why: Unlabelled | Rejected) -> RequestError:
    if isinstance(why, Rejected):
        return RequestError(ErrorCode(why.reason), why.detail)
    return RequestError(ErrorCode.MISSING_FIELD, "the target is missing")
