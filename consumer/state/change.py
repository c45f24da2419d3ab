"""What a changed model file means for a saved state: how it is taken up, or why it cannot be. Pure.

The state keeps R over the columns of its model. A formula whose columns are among them is no
relearning: its posterior follows from R. A field that is added is missing in all that was learned
until then; one that is removed takes its columns along. Whatever would have read the same events
otherwise, as a changed path or level, cannot be taken up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from consumer.decode import Decoded, Record, RequestError
from consumer.decode.mapping import ModelFileError, model_of_identity
from consumer.model import ModelSpec, SavedHistory
from consumer.model.estimators.bayesian import Bayesian
from consumer.model.packed import pack
from consumer.model.prequential import Prequential
from consumer.model.statistics.kept.moved import Moved
from consumer.model.statistics.kept.quantiles import Sketch
from consumer.model.statistics.kept.running import SufficientStatistics


class ChangeError(ValueError):
    """The state cannot be taken up; the message names what differs, and both sides of it."""


def change(identity: Mapping[str, Any], spec: ModelSpec) -> "Change":
    """The change from the model that a state was saved with to another.

    Args:
        identity: The members of the state that say what it belongs to.
        spec: The model now.

    Raises:
        ChangeError: There is no way from one to the other.
    """
    for name in ("learner", "model"):
        theirs, ours = identity[name], spec.identity().get(name)
        if theirs is None or ours is None or (name == "learner" and theirs != ours):
            raise ChangeError(_differs(name, theirs, ours))
    try:
        file = model_of_identity(identity["formula"], identity["model"])
    except (ModelFileError, RequestError, KeyError, TypeError, ValueError) as error:
        raise ChangeError(f"the saved state's model cannot be read: {error}") from error
    made = Change(ModelSpec.of_file(file, identity["learner"], spec.robust_columns), spec)
    if list(made.old.fields) != identity["fields"]:
        raise ChangeError("the saved state's fields do not follow from its model")
    for fault in made.faults():
        raise ChangeError(fault)
    return made


@dataclass(frozen=True)
class Change:
    """From one model file to another.

    Attributes:
        old: The model of the saved state.
        new: The model now.
    """

    old: ModelSpec
    new: ModelSpec

    def faults(self) -> Iterable[str]:
        """Why the state cannot be taken up; nothing if it can."""
        old, new = self.old.file, self.new.file
        said, says = ({"where": it.where, **it.tables.named()} for it in (old, new))
        for name in dict.fromkeys((*said, *says)):
            if (theirs := said.get(name)) != (now := says.get(name)):
                yield _differs(name, theirs, now)
        if self.old.has_ids and self.old.fields != self.new.fields:  # rows wait as they are
            yield _differs("fields", self.old.fields, self.new.fields)
        if old.target_fields != new.target_fields:
            yield _differs("target", *(", ".join(sorted(it.target_fields)) for it in (old, new)))
        ours = {field.name: field for field in new.fields}
        for field in old.fields:
            for key in field.keys if field.name in ours else ():
                theirs, now = getattr(field, key), getattr(ours[field.name], key)
                if theirs != now:
                    yield _differs(f"fields.{field.name}.{key}", theirs, now)
        if self.has_new_formula and (self.old.learner != "bayesian" or self.old.has_late_labels):
            yield _differs("formula", self.old.formula, self.new.formula)
        if lacking := [name for name, at in self._columns.items() if at is None]:
            yield (
                f"the saved state keeps no columns for {', '.join(lacking)[:200]}: leave these out "
                "of formula and keep"
            )

    def sentences(self) -> list[str]:
        """What becomes of the saved state, for people."""
        said = []
        if self.has_new_formula:
            said.append(
                f"formula: {self.old.formula} becomes {self.new.formula}: its columns are kept, "
                "nothing is learned again; its prequential errors begin anew"
            )
        said += [
            f"fields.{name}: added; all events until now lack it"
            for name in self.new.sources
            if name in self.added
        ]
        said += [
            f"fields.{name}: removed; its columns are dropped"
            for name in self.old.sources
            if name not in self.new.sources
        ]
        return said or ["the saved state is taken up as it is"]

    @property
    def has_new_formula(self) -> bool:
        """Whether the model has another formula."""
        return str(self.old.formula) != str(self.new.formula)

    @cached_property
    def added(self) -> frozenset[str]:
        """The names of fields that the saved state does not know."""
        return frozenset(self.new.sources) - frozenset(self.old.sources)

    @cached_property
    def _columns(self) -> dict[str, int | None]:
        """For each column, where it stood; 0 for one of fields that are new, None if not kept."""
        old = {it: number for number, it in enumerate(self.old.column_names)}
        needs = self.new.columns.needs
        return {
            name: old.get(name, 0 if self._is_of_added(needs([number])) else None)
            for number, name in enumerate(self.new.column_names)
        }

    @cached_property
    def _moved(self) -> Moved:
        at = {name: number for number, name in enumerate(self.old.fields)}
        fields = [at.get(name, -1) for name in self.new.fields]
        return Moved(self.new.columns, fields, [at or 0 for at in self._columns.values()])

    def _is_of_added(self, fields: Iterable[int]) -> bool:
        return any(self.new.sources_of(self.new.fields[it]) & self.added for it in fields)

    def regression(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """The state of the regression under the new model.

        Raises:
            ValueError: It is not a state of the old one.
        """
        view = SufficientStatistics.from_state(self.old.columns, state["statistics"]).view()
        blocks, pairs = self._moved.blocks(view.blocks), self._moved.pairs(view.pairs)
        position, since = state["position"], state.get("since", {})
        made = {
            **state,
            **self.new.identity(),
            "statistics": {
                "n": state["statistics"]["n"],
                "pending": pack(self._moved.rows(view.pending_rows)),
                "pending_timestamps_ms": state["statistics"]["pending_timestamps_ms"],
                **blocks.to_state(self.new.columns),
                **({} if pairs is None else {"pairs": pairs.to_state(self.new.columns)}),
            },
            "since": {
                **since,
                "model": position,
                "fields": {
                    name: since.get("fields", {}).get(name, position)
                    for name in self.new.sources
                    if name in self.added or name in since.get("fields", {})
                },
            },
        }
        if self.has_new_formula:
            estimator = Bayesian(self.new.terms)
            estimator.start_from(self.new.least_squares(blocks.over(self.new.selection.needs)))
            made |= {"estimator": estimator.state(), "errors": Prequential().state()}
            made.pop("challengers", None)  # they are compared with the formula
            made["since"]["formula"] = position
        return made

    def history(self, state: Mapping[str, Any], sketches: Mapping[str, str]) -> SavedHistory:
        """The history under the new model.

        Raises:
            ValueError: It is not one of the old model.
        """
        saved = SavedHistory.from_state(self.old.columns, state, sketches)
        known = saved.history
        history = replace(
            known,
            sketches=tuple(Sketch() if at < 0 else known.sketches[at] for at in self._moved.fields),
            rows=self._moved.rows(known.rows),
        )
        pending = [self._row(row) for row in saved.pending]
        undeclared = {
            name: texts for name, texts in saved.undeclared.items() if name in self.new.sources
        }
        return replace(
            saved, history=history, pending=pending, undeclared=undeclared, decode=self._decode
        )

    def _decode(self, record: Record) -> Decoded:
        event = self.old.decode(record)
        return self._row(event) if isinstance(event, tuple) else event

    def _row(self, row: Iterable[float]) -> tuple[float, ...]:
        (made,) = self._moved.rows(np.array([tuple(row)])).tolist()
        return tuple(made)


def _differs(name: str, theirs: object, ours: object) -> str:
    return (
        f"the saved state is of another {name}: {str(theirs)[:80]!r}, and this service has "
        f"{str(ours)[:80]!r}"
    )
