"""A batch's records out of their compression, and never more of them than there is memory for.

The client's codecs make whatever the bytes say: a few kilobytes of zstd become gigabytes, and
Kafka, which reads them a piece at a time, takes such a batch as any other.
"""

import io
import zlib
from typing import Any

import zstandard
from kafka.record.default_records import DefaultRecordBatch
from lz4.frame import LZ4FrameDecompressor

MAX_BYTES = 32 * 1024 * 1024
"""Of a batch: producers make batches of a megabyte at most, unless they are told otherwise."""

PIECE_BYTES = 256 * 1024  # that much is set aside for each
GZIP_WINDOW = 31  # a gzip header and the largest window


class TooLargeError(Exception):
    """A batch is larger than MAX_BYTES."""


def uncompress(batch: DefaultRecordBatch) -> None:
    """Have the client's batch hold its records as they are, as its own method does.

    Raises:
        UnsupportedCodecError: There is no such codec, or no library for it.
        TooLargeError: There are more than MAX_BYTES of them.
        Exception: The codec's own, where the bytes are none of its.
    """
    codec = batch.compression_type
    expand = {batch.CODEC_GZIP: _gzip, batch.CODEC_LZ4: _lz4, batch.CODEC_ZSTD: _zstd}.get(codec)
    if expand is None:  # none; or snappy, which makes no more than 22 bytes of one
        batch._maybe_uncompress()
        return
    inside: Any = batch
    data = expand(bytes(memoryview(inside._buffer)[inside._pos :]))
    if len(data) > MAX_BYTES:
        raise TooLargeError(f"more than {MAX_BYTES} bytes")
    inside._buffer, inside._pos, inside._decompressed = data, 0, True


def _gzip(data: bytes) -> bytes:
    """Member after member, as gzip files are."""
    pieces, size = [], 0
    while data and size <= MAX_BYTES:
        member = zlib.decompressobj(GZIP_WINDOW)
        pieces.append(member.decompress(data, MAX_BYTES + 1 - size))
        size += len(pieces[-1])
        if not member.eof and size <= MAX_BYTES:
            raise EOFError("the compressed bytes do not end")
        data = member.unused_data
    return b"".join(pieces)


def _lz4(data: bytes) -> bytes:
    frame = LZ4FrameDecompressor()
    pieces = [frame.decompress(data, PIECE_BYTES)]
    size = len(pieces[0])
    while not frame.eof and size <= MAX_BYTES:
        if frame.needs_input:
            raise EOFError("the compressed bytes do not end")
        pieces.append(frame.decompress(b"", PIECE_BYTES))
        size += len(pieces[-1])
    return b"".join(pieces)


def _zstd(data: bytes) -> bytes:
    frames = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True)
    with frames:
        return frames.read(MAX_BYTES + 1)
