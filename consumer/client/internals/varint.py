"""Decodes the parts of a record: varints, byte strings, headers.

Format: https://kafka.apache.org/documentation/#recordbatch.
"""

from collections.abc import Sequence

from kafka.record.util import decode_varint

Headers = Sequence[tuple[str, bytes | None]]
NO_HEADERS: Headers = ()


def varint(data: bytes, pos: int) -> tuple[int, int]:
    """Decode a zigzag varint; the number and the position after it.

    Fast for one byte, and for two bytes of a positive number: almost all are.

    Raises:
        ValueError: It has too many bytes.
        IndexError: It goes beyond the end of the data.
    """
    low = data[pos]
    if not low & 0x81:
        return low >> 1, pos + 1
    if low < 0x80:  # noqa: PLR2004 - negative: -1 is the length of what is null
        return ~(low >> 1), pos + 1
    high = data[pos + 1]
    if low & 1 or high > 0x7F:  # noqa: PLR2004 - negative, or longer
        number: tuple[int, int] = decode_varint(data, pos)
        return number
    return (low & 0x7E) >> 1 | high << 6, pos + 2


def nullable_bytes(data: bytes, pos: int) -> tuple[bytes | None, int]:
    """A key or a value, and the position after it.

    Raises:
        ValueError: The length has too many bytes.
        IndexError: The length goes beyond the end of the data.
    """
    length, pos = varint(data, pos)
    if length < 0:
        return None, pos
    return data[pos : pos + length], pos + length


def read_headers(data: bytes, pos: int) -> tuple[Headers, int]:
    """A record's headers, and the position after them.

    Raises:
        ValueError: A key is null or not UTF-8, or a length or the count is wrong.
        IndexError: A length goes beyond the end of the data.
    """
    count, pos = varint(data, pos)
    if not count:
        return NO_HEADERS, pos
    if count < 0:
        raise ValueError(f"{count} headers")
    headers = []
    for _ in range(count):
        key, pos = nullable_bytes(data, pos)
        if key is None:
            raise ValueError("a header without a key")
        value, pos = nullable_bytes(data, pos)
        headers.append((key.decode(), value))
    return headers, pos
