"""Quantiles and frequent texts of a stream in constant memory, as values that never change.

Karnin, Lang, Liberty, "Optimal quantile approximation in streams", FOCS 2016; Anderson et al., "A
high-performance algorithm for identifying frequent items in data streams", IMC 2017; both in the
implementation of Apache DataSketches, which is untyped and wrapped here.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any, Self

from datasketches import (
    frequent_items_error_type,
    frequent_strings_sketch,
    kll_doubles_sketch,
)

from consumer.model.statistics.factor import Floats

SKETCH_K = 400
"""The sketch's size: a quantile is within 0.68 % in rank, with 99 % confidence."""

FREQUENT_SIZE = 6
"""The logarithm of the size: all are counted exactly up to 48 different texts."""

MAX_TEXT = 80

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
        return _text(self._kll.serialize())

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The sketch of :meth:`to_text`.

        The digest is checked first, as a damaged sketch can crash the process inside the library.

        Raises:
            ValueError: The text is not such a sketch, or is damaged.
        """
        return cls(kll_doubles_sketch.deserialize(_body(text)))


class Frequent:
    """The most frequent of the texts seen so far; immutable."""

    __slots__ = ("_items",)

    def __init__(self, items: Any = None) -> None:  # noqa: ANN401 - the library has no types
        self._items = frequent_strings_sketch(FREQUENT_SIZE) if items is None else items

    def plus(self, texts: Iterable[str]) -> Self:
        """The sketch with these texts added, each cut to MAX_TEXT characters."""
        items = copy(self._items)
        for text in texts:
            items.update(text[:MAX_TEXT])
        return type(self)(items)

    @classmethod
    def merged(cls, sketches: Iterable["Frequent"]) -> Self:
        """The sketch of the texts of all of these."""
        items = frequent_strings_sketch(FREQUENT_SIZE)
        for sketch in sketches:
            items.merge(sketch._items)  # noqa: SLF001 - its own class
        return cls(items)

    def most(self, number: int) -> dict[str, int]:
        """So many of the most frequent, with about how often they came."""
        kind = frequent_items_error_type.NO_FALSE_NEGATIVES
        found = self._items.get_frequent_items(kind)
        counts = sorted((-int(count), text) for text, count, *_ in found)
        return {text: -count for count, text in counts[:number]}

    def to_text(self) -> str:
        """The sketch in base64, preceded by a digest of its bytes."""
        return _text(self._items.serialize())

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The sketch of :meth:`to_text`.

        Raises:
            ValueError: The text is not such a sketch, or is damaged.
        """
        return cls(frequent_strings_sketch.deserialize(_body(text)))


def _text(body: bytes) -> str:
    return base64.b64encode(_digest(body) + body).decode("ascii")


def _body(text: str) -> bytes:
    content = base64.b64decode(text, validate=True)
    digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if digest != _digest(body):
        raise ValueError("the sketch is damaged: its digest does not match")
    return body


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()
