"""What is kept of rows, under other fields and columns: those of a changed model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from consumer.model.statistics.factor import Floats
from consumer.model.statistics.kept.blocks import Blocks, Gap, Rows, narrow
from consumer.model.statistics.kept.columns import Columns
from consumer.model.statistics.kept.pairs import Pairs


@dataclass(frozen=True)
class Moved:
    """Where everything stood.

    Attributes:
        new: The columns now.
        fields: For each number of a row, where it stood in the old row; -1 for one that is new.
        columns: For each column, the intercept first, where it stood; 0 for one of new fields.
    """

    new: Columns
    fields: Sequence[int]
    columns: Sequence[int]

    @cached_property
    def _missing(self) -> frozenset[int]:
        return frozenset(number for number, at in enumerate(self.fields) if at < 0)

    def rows(self, rows: Floats) -> Floats:
        """Old rows as new ones, shape (m, fields); NaN where a field is new."""
        made = rows[:, list(self.fields)]
        made[:, sorted(self._missing)] = np.nan
        return made

    def blocks(self, blocks: Blocks) -> Blocks:
        """The same of the statistics of blocks: old rows lack the fields that are new."""
        of_gap: dict[Gap, list[Rows]] = {}
        for gap, rows in {(): Rows(blocks.whole, blocks.factor), **blocks.gaps}.items():
            if rows.n:
                of_gap.setdefault(self._gap(gap), []).append(rows)
        gaps = {gap: self._sum(gap, rows) for gap, rows in of_gap.items()}
        nothing = Blocks.nothing(len(self.new.fields), self.new.k)
        low, high = nothing.low, nothing.high
        for new, old in enumerate(self.fields):
            if old >= 0:
                low[new], high[new] = blocks.low[old], blocks.high[old]
        whole = gaps.pop((), Rows(0, nothing.factor))
        return Blocks(blocks.n, whole.factor, low, high, dict(sorted(gaps.items())))

    def pairs(self, pairs: Pairs | None) -> Pairs | None:
        """The same of the products of columns; None if they are not kept now or were not then."""
        if pairs is None or not self.new.keeps_pairs:
            return None
        return pairs.moved(self.columns, {gap: self._gap(gap) for gap in pairs.gaps}, self.new)

    def _gap(self, gap: Gap) -> Gap:
        """What rows lack now that lacked this."""
        missing = [new for new, old in enumerate(self.fields) if old in gap]
        return tuple(sorted(self._missing.union(missing)))

    def _sum(self, gap: Gap, parts: Sequence[Rows]) -> Rows:
        """Old rows as new ones with this gap."""
        places = list(self.columns)
        if len(parts) == 1 and places == [*range(len(parts[0].factor))]:
            return parts[0]
        factors = (rows.factor[:, places] for rows in parts)
        return Rows(sum(rows.n for rows in parts), narrow(self.new, gap, *factors))
