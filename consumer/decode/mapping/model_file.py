"""The model file's text, TOML, read into a mapping; all its faults are reported together."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, get_type_hints

import msgspec

from consumer.decode.mapping.fields import INDICATED, Field
from consumer.decode.mapping.formulas import (
    ModelFileError,
    check_target,
    checked_challengers,
    checked_design,
    target_fields,
)
from consumer.decode.mapping.kinds import iso_is_valid
from consumer.decode.mapping.paths import condition, path
from consumer.decode.mapping.tables import EVENT_KEYS, LABEL_KEYS, NO_TABLES, Tables, read_tables
from consumer.decode.wilkinson.design import Design, Variables
from contract.messages import RESERVED

MAX_FIELDS = 64

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,63}")
_TOP = {
    "formula": str,
    "keep": list[str],
    "challengers": list[str],
    "where": str,
    "fields": dict[str, dict[str, Any]],
    "event": dict[str, Any],
    "label": dict[str, Any],
}
_HINTS = get_type_hints(Field)
_KEYS = {it.name: _HINTS[it.name] for it in fields(Field) if it.name != "name"}


@dataclass(frozen=True)
class ModelFile:
    """A model file that has been checked.

    Attributes:
        formula: The model.
        keep: Further terms that may be asked for.
        where: Which events are meant; None: all.
        fields: In their order.
        design: The kept columns.
        tables: How events are told apart, and how their labels come.
        challengers: Formulas that are learned and compared beside it; no part of the identity.
    """

    formula: str
    keep: tuple[str, ...]
    where: str | None
    fields: tuple[Field, ...]
    design: Design
    tables: Tables = NO_TABLES
    challengers: tuple[str, ...] = ()

    @property
    def intercept(self) -> bool:
        """Whether the formula has one."""
        return self.design.formula(self.formula).intercept

    @property
    def target_fields(self) -> frozenset[str]:
        """The fields that the target is made of."""
        return target_fields(self.design, self.formula)

    @cached_property
    def _identity(self) -> dict[str, Any]:
        tables = {"event": self.tables.event, "label": self.tables.label}
        said = {
            "keep": list(self.keep),
            "where": self.where,
            "fields": self.fields,
            **{name: table for name, table in tables.items() if table is not None},
        }
        made: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(said))  # lists, no tuples
        return made

    def identity(self) -> dict[str, Any]:
        """What the saved state depends on, in types that JSON round-trips exactly."""
        return dict(self._identity)


def read_model(text: str) -> ModelFile:
    """Read a model file.

    Raises:
        ModelFileError: It is not TOML, or a key in it is not usable.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ModelFileError(f"not TOML: {error}") from None
    faults: list[str] = []
    top = _converted(document, _TOP, "", faults)
    found = [
        field
        for name, table in top.get("fields", {}).items()
        if (field := _field(name, table, faults)) is not None
    ]
    _check_names([field.name for field in found], faults)
    if not top.get("fields"):
        faults.append("fields: there is none; a field looks like [fields.price]")
    if "formula" not in top and not any(it.startswith("formula:") for it in faults):
        faults.append("formula: is missing; it looks like 'revenue ~ price + os'")
    if "where" in top:
        _check(lambda: condition(top["where"]), "where", faults)
    event, label = (
        _converted(top[name], keys, f"{name}.", faults) if name in top else None
        for name, keys in (("event", EVENT_KEYS), ("label", LABEL_KEYS))
    )
    tables = read_tables(event, label, faults)
    if faults:
        raise ModelFileError("\n".join(faults))
    keep = tuple(top.get("keep", ()))
    made = checked_design(variables_of(found), top["formula"], keep)
    check_target(made, top["formula"], {field.name: field for field in found})
    beside = checked_challengers(made, top["formula"], top.get("challengers", ()))
    file = ModelFile(top["formula"], keep, top.get("where"), tuple(found), made, tables, beside)
    _check_label(file)
    return file


def model_of_identity(formula: str, said: Mapping[str, Any]) -> ModelFile:
    """The model file of :meth:`ModelFile.identity`, and its formula.

    Raises:
        ModelFileError: There is no such model file.
        ValueError: The identity is not one.
    """
    found = tuple(msgspec.convert(said["fields"], list[Field]))
    keep = tuple(said["keep"])
    made = checked_design(variables_of(list(found)), formula, keep)
    tables = msgspec.convert({key: said.get(key) for key in ("event", "label")}, Tables)
    return ModelFile(formula, keep, said["where"], found, made, tables)


def variables_of(found: list[Field]) -> Variables:
    """What a formula over these fields may name."""
    names, booleans = [], {field.name for field in found if field.type == "boolean"}
    for field in found:
        names.append(field.name)
        if field.indicated:
            names.append(field.name + INDICATED)
            booleans.add(field.name + INDICATED)
    categories = {it.name: it.coded_levels for it in found if it.type == "category"}
    numbers = frozenset(names) - categories.keys()
    return Variables(numbers, frozenset(booleans), categories, tuple(names))


def _field(name: str, table: Mapping[str, Any], faults: list[str]) -> Field | None:
    before = len(faults)
    where = f"fields.{name}."
    if not _NAME.fullmatch(name):
        faults.append(f"{where[:-1]}: a name has letters, digits, _ and dots, at most 64")
    if name in RESERVED or name == "event":
        faults.append(f"{where[:-1]}: reserved, a request uses the word")
    field = Field(name, **_converted(table, _KEYS, where, faults))
    if field.path is not None:
        given = field.path
        _check(lambda: path(given), where + "path", faults)
    if field.origin is not None and not iso_is_valid(field.origin):
        faults.append(f"{where}origin: expected a time in ISO 8601")
    faults += [f"{where}{key}: {what}" for key, what in field.faults(frozenset(table))]
    return field if len(faults) == before else None


def _converted(
    table: Mapping[str, Any], types: Mapping[str, Any], where: str, faults: list[str]
) -> dict[str, Any]:
    """The table's values, each of its key's type; a fault for each other and for unknown keys."""
    made: dict[str, Any] = {}
    for key, value in table.items():
        if key not in types:
            faults.append(f"{where}{key}: no such key; known are {', '.join(types)}")
            continue
        try:
            made[key] = msgspec.convert(value, types[key])
        except msgspec.ValidationError as error:
            faults.append(f"{where}{key}: {str(error)[0].lower()}{str(error)[1:]}")
    return made


def _check(made: Any, key: str, faults: list[str]) -> None:  # noqa: ANN401 - whatever it makes
    try:
        made()
    except ValueError as error:
        faults.append(f"{key}: {error}")


def _check_names(names: list[str], faults: list[str]) -> None:
    if len(names) > MAX_FIELDS:
        faults.append(f"fields: there are {len(names)}; the limit is {MAX_FIELDS}")
    faults += [
        f"fields.{name}: stands for a gap in {name.removesuffix(INDICATED)}"
        for name in names
        if name.endswith(INDICATED) and name.removesuffix(INDICATED) in names
    ]


def _check_label(file: ModelFile) -> None:
    label = file.tables.label
    if label is None:
        return
    if len(file.target_fields) != 1:
        names = ", ".join(sorted(file.target_fields))
        raise ModelFileError(f"label.value: gives one field, and the target is made of {names}")
    (field,) = (field for field in file.fields if field.name in file.target_fields)
    if label.absent is not None:
        if field.type not in ("number", "boolean"):
            raise ModelFileError(f"label.absent: is a number, and {field.name} is none")
        if not field.low <= label.absent <= field.high:
            raise ModelFileError(f"label.absent: is outside the range of {field.name}")
        for function in file.design.functions:
            if function.fields == {field.name} and function({field.name: label.absent}) is None:
                raise ModelFileError(f"label.absent: {function.name} has no value there")
