"""Decompresses batches, up to a limit of memory.

kafka-python decompresses without a limit: a few kilobytes of zstd become gigabytes. Kafka accepts
such a batch, because it decompresses it a piece at a time.
"""

import io
import zlib
from typing import Any

import zstandard
from kafka.record.default_records import DefaultRecordBatch
from lz4.frame import LZ4FrameDecompressor

MAX_BYTES = 32 * 1024 * 1024
"""Limit of a batch's records. Producers make batches of a megabyte unless configured otherwise."""

PIECE_BYTES = 256 * 1024  # decompressed at a time
GZIP_WINDOW = 31  # a gzip header and the largest window


class TooLargeError(Exception):
    """A batch decompresses to more than MAX_BYTES."""


def uncompress(batch: DefaultRecordBatch) -> None:
    """Replace the batch's compressed records by the decompressed ones, in place.

    Raises:
        UnsupportedCodecError: There is no such codec, or its library is missing.
        TooLargeError: They have more than MAX_BYTES.
        Exception: The codec's own, where the bytes are not valid.
    """
    codec = batch.compression_type
    expand = {batch.CODEC_GZIP: _gzip, batch.CODEC_LZ4: _lz4, batch.CODEC_ZSTD: _zstd}.get(codec)
    if expand is None:  # not compressed; or snappy, whose ratio is at most 22
        batch._maybe_uncompress()
        return
    inside: Any = batch
    data = expand(bytes(memoryview(inside._buffer)[inside._pos :]))
    if len(data) > MAX_BYTES:
        raise TooLargeError(f"more than {MAX_BYTES} bytes")
    inside._buffer, inside._pos, inside._decompressed = data, 0, True


def _gzip(data: bytes) -> bytes:
    """A gzip stream may have several members."""
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
