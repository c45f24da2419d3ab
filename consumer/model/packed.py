"""Numbers inside a state: little-endian, in base64. Shorter than decimals, and read much faster."""

import base64
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def pack(numbers: NDArray[Any]) -> str:
    """The elements in row-major order, 8 bytes each: doubles, or 64-bit integers."""
    little = numbers.astype(numbers.dtype.newbyteorder("<"))
    return base64.b64encode(little.tobytes()).decode("ascii")


def unpack(text: str, dtype: DTypeLike) -> NDArray[Any]:
    """The elements of :func:`pack` in this type, shape (n,).

    Raises:
        ValueError: The text is not base64 of whole elements.
    """
    content = base64.b64decode(text, validate=True)
    return np.frombuffer(content, np.dtype(dtype).newbyteorder("<")).astype(dtype)
