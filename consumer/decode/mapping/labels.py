"""Reads labels as the model file says, and completes an event's row by its label."""

import math
from collections.abc import Mapping
from typing import Any

from consumer.decode.event import Label, Rejected, Row
from consumer.decode.mapping.ids import EventIds, found, said
from consumer.decode.mapping.kinds import Read
from consumer.decode.mapping.model_file import ModelFile
from consumer.decode.mapping.paths import FAILS, condition, path
from consumer.decode.record import Record
from consumer.decode.wilkinson.expressions import Expression
from contract.messages import Reason


class Labels:
    """What labels say.

    Args:
        model: The model file, with a table ``[label]``.
        read: Reads the field of the target.

    Attributes:
        at: The number of the target's field in a row.
        open: The numbers in a row that the label decides: the target's field and functions of it.
    """

    def __init__(self, model: ModelFile, read: Read) -> None:
        if (table := model.tables.label) is None:
            raise ValueError("a model without [label]")
        self._holds = condition(table.where)
        self._ids = EventIds(table.id, "label.id")
        self._get = path(table.value)
        self._read = read
        (self._target,) = model.target_fields
        self._missing = f"{self._target} is missing ({table.value})"
        names = model.design.fields
        self._names = names
        self.at = names.index(self._target)
        self._functions: list[Expression] = [
            it for it in model.design.functions if self._target in it.fields
        ]
        self.open: list[int] = [self.at, *(names.index(it.name) for it in self._functions)]

    def holds(self, document: dict[str, Any], record: Record) -> bool | Rejected:
        """Whether a record is a label."""
        try:
            return self._holds(document, record)
        except FAILS as error:
            return Rejected(Reason.BAD_SHAPE, f"label.where: {said(error)}")

    def of(self, document: dict[str, Any], record: Record) -> Label | Rejected:
        """The label in a record that is one."""
        value = found(self._get, document, record)
        if type(value) is Rejected:
            return value
        return self._label(value, self._ids.of(document, record))

    def of_values(self, id_: object, value: object) -> Label | Rejected:
        """The label of what stands at the two paths."""
        return self._label(value, self._ids.read(id_))

    def _label(self, value: object, id_: str | Rejected) -> Label | Rejected:
        """The label of this value, and its event's id, whose fault counts last."""
        if value is None or value == "":
            return Rejected(Reason.MISSING_FIELD, self._missing)
        target = self._read(value)
        if type(target) is not float:
            return target  # type: ignore[return-value]
        return id_ if type(id_) is Rejected else Label(id_, target)  # type: ignore[arg-type]

    def completed(self, row: Row, target: float) -> Row | Rejected:
        """The row of an event with its target, and the functions of it."""
        if not self._functions:
            return (*row[: self.at], target, *row[self.at + 1 :])
        values = dict(zip(self._names, row, strict=True))
        values[self._target] = target
        for function in self._functions:
            value = math.nan if lacks(function, values) else function(values)
            if value is None:
                return undefined(function)
            values[function.name] = value
        return tuple(values.values())


def lacks(function: Expression, values: Mapping[str, float]) -> bool:
    """Whether one of a function's fields is missing."""
    return any(math.isnan(values.get(name, math.nan)) for name in function.fields)


def undefined(function: Expression) -> Rejected:
    """Why an event is refused in which a function has no value."""
    return Rejected(
        Reason.UNDEFINED, f"{function.name} has no value there, or one beyond the limit"
    )
