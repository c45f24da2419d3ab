"""Quantiles of a stream in constant memory: KLL sketches, as values that never change.

Karnin, Lang, Liberty, "Optimal quantile approximation in streams", FOCS 2016, in the
implementation of Apache DataSketches, which is untyped and wrapped here.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any, Self

from datasketches import kll_doubles_sketch

from consumer.model.statistics.factor import Floats

SKETCH_K = 400
"""The sketch's size: a quantile is within 0.68 % in rank, with 99 % confidence."""

_DIGEST_BYTES = 16


class Sketch:
    """The quantiles of the values seen so far; immutable.

    The algorithm draws random bits, so equal values give equal quantiles only within its error.
    """

    __slots__ = ("_kll",)

    def __init__(self, kll: Any = None) -> None:  # noqa: ANN401 - the library has no types
        self._kll = kll_doubles_sketch(SKETCH_K) if kll is None else kll

    @property
    def n(self) -> int:
        """How many values it has seen."""
        return int(self._kll.n)

    def plus(self, values: Floats) -> Self:
        """The sketch with these values added, shape (m,)."""
        kll = copy(self._kll)
        kll.update(values)
        return type(self)(kll)

    @classmethod
    def merged(cls, sketches: Iterable["Sketch"]) -> Self:
        """The sketch of the values of all of these."""
        kll = kll_doubles_sketch(SKETCH_K)
        for sketch in sketches:
            kll.merge(sketch._kll)  # noqa: SLF001 - its own class
        return cls(kll)

    def quantiles(self, ranks: Sequence[float]) -> list[float]:
        """Values of these ranks, each from 0 to 1; at least one value has been seen."""
        return [float(value) for value in self._kll.get_quantiles(ranks)]

    def to_text(self) -> str:
        """The sketch in base64, preceded by a digest of its bytes."""
        body = self._kll.serialize()
        return base64.b64encode(_digest(body) + body).decode("ascii")

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The sketch of :meth:`to_text`.

        The digest is checked first, as a damaged sketch can crash the process inside the library.

        Raises:
            ValueError: The text is not such a sketch, or is damaged.
        """
        content = base64.b64decode(text, validate=True)
        digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if digest != _digest(body):
            raise ValueError("the sketch is damaged: its digest does not match")
        return cls(kll_doubles_sketch.deserialize(body))


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()
