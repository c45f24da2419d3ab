"""What is fuzzed: each target takes any bytes, and asserts what must hold of what becomes of them.

A target returns a word for what became of them, so that a corpus can be seen to reach them all.
"""

import json
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

import orjson

from consumer.client.internals.batches import Unpacked
from consumer.client.internals.compression import MAX_BYTES
from consumer.client.internals.varint import read_headers
from consumer.decode.dialects import (
    Address,
    BadAddressError,
    Headers,
    find_address,
    find_deadline,
    find_reply_headers,
    unwrap,
    wants_reply,
)
from consumer.decode.event import SKIPPED, Decoded, EventDecoder, Rejected
from consumer.decode.formula import parse_formula
from consumer.decode.mapping import Mapping, ModelFileError, read_model
from consumer.decode.request import check_deadline, decode_request
from consumer.decode.request_error import RequestError
from consumer.model import answer
from consumer.model.partition import Partition
from consumer.model.replay import Replay, without_ids
from consumer.model.spec import ModelSpec
from consumer.model.statistics.kept.running import BLOCK
from consumer.state import snapshot
from consumer.state.belonging import ForeignError
from consumer.state.snapshot import DamagedError, Part
from contract.messages import VALUE_LIMIT, Method, Outcome, Reason
from unit.batches import HEADER, fetched, sealed
from unit.records import FIELDS, Record, model

NOW_MS: Final = 1_800_000_000_000
ROWS: Final = [(float(i), float(i * i % 17), float(i % 5), 7.0 + 0.5 * i) for i in range(60)]
MODEL: Final = model(ROWS)
TWO: Final = ("tv", "sales")
RECIPES: Final = {
    learner: ModelSpec(TWO, parse_formula("sales ~ tv", TWO), learner)
    for learner in ("bayesian", "sgd")
}
AFTER: Final = [orjson.dumps({"tv": i * 7 % 31, "sales": i * 3 % 23}) for i in range(70)]

decode: Callable[[bytes], Decoded] = EventDecoder(FIELDS, "sales")


def fuzz_event(data: bytes) -> str:
    """A row of finite numbers in range, which Python's parser reads too; or a reason."""
    decoded = decode(data)
    if isinstance(decoded, Rejected):
        assert decoded.reason in Reason
        assert decoded.detail.isprintable()
        assert 0 < len(decoded.detail) < 300  # noqa: PLR2004 - a line
        return decoded.reason
    if not isinstance(decoded, tuple):
        return "unlabelled"
    assert [type(number) for number in decoded] == [float] * len(FIELDS)
    assert all(math.isfinite(number) and abs(number) <= VALUE_LIMIT for number in decoded)
    document = json.loads(data)
    assert repr(decoded) == repr(tuple(float(document[name]) for name in FIELDS))
    return "row"


def fuzz_mapping(data: bytes) -> str:
    """A model file, a zero byte, an event: a row of its numbers, or a reason; or its faults."""
    text, _, value = data.partition(b"\0")
    try:
        model = read_model(text.decode(errors="replace"))
    except ModelFileError:
        return "no model file"
    mapping = Mapping(model)
    decoded = mapping(Record(0, value, NOW_MS, b"key", (("ce_type", b"type"), ("none", None))))
    if isinstance(decoded, Rejected):
        assert decoded.reason in Reason
        assert decoded.detail.isprintable()
        assert 0 < len(decoded.detail) < 400  # noqa: PLR2004 - a line
        return decoded.reason
    if not isinstance(decoded, tuple):
        return "skipped" if decoded is SKIPPED else "unlabelled"
    assert [type(number) for number in decoded] == [float] * len(model.design.fields)
    assert all(math.isnan(number) or abs(number) <= VALUE_LIMIT for number in decoded)
    partition = Partition(ModelSpec.of_file(model, "bayesian"))
    partition.fold([Record(0, value, NOW_MS, b"key", (("ce_type", b"type"), ("none", None)))])
    assert partition.counts[Outcome.LEARNED] == 1
    return "row"


def fuzz_request(data: bytes) -> str:
    """Headers as they are on the wire, then the value: an allowed address, or none; one reply."""
    try:
        headers, end = read_headers(data, 0)
    except (ValueError, IndexError):
        return "no headers"
    headers, value = unwrap(headers, data[end:])
    wants_reply(headers)
    address = _address(headers)
    if address is not None:
        _assert_is_answerable(headers, address)
    try:
        check_deadline(headers, now_ms=NOW_MS)
        request = decode_request(value)
        if request.method is Method.LEARN:  # an event from here on
            return fuzz_event(orjson.dumps(request.params))
        reply = answer.answer(request, MODEL)
        said = request.method.value
    except RequestError as refusal:
        reply, said = answer.error(refusal), refusal.code.value
    encoded = answer.encode(reply)
    assert _is_finite(reply)
    if address is not None:
        written = address.write(b"key", encoded, b"{}")
        assert type(orjson.loads(written.value)) is dict
    return said if address is None else f"{said}, addressed"


def fuzz_batch(data: bytes) -> str:
    """A batch as a broker keeps it: its records at rising offsets within it, and none too large.

    A broker sets the base offset and the length, and has checked the checksum; the rest is the
    sender's.
    """
    content = data.ljust(HEADER.size - 12, b"\0")
    raw = sealed(bytearray(bytes(8) + len(content).to_bytes(4, "big") + content))
    magic, last = raw[16], int.from_bytes(raw[23:27], "big", signed=True)
    records, after = fetched(raw)
    offsets = [record.offset for record in records]
    assert all(one < other for one, other in pairwise([-1, *offsets, after]))
    assert sum(map(_size, records)) <= max(MAX_BYTES, len(raw))
    if magic != 2 or last < 0:  # noqa: PLR2004 - no broker since 0.11 keeps such a one
        return "not placed"
    assert all(offset <= last for offset in offsets)
    assert after == last + 1
    if offsets:  # as after a restart in the midst of it
        middle = offsets[len(offsets) // 2]
        again, there = fetched(raw, middle)
        assert (again, there) == ([one for one in records if one.offset >= middle], after)
    unreadable = sum(type(record.value) not in (bytes, type(None)) for record in records)
    return f"compression {raw[22] & 7}, {'some' if unreadable else 'none'} unreadable"


def fuzz_snapshot(data: bytes) -> str:
    """Refused by its own errors, or taken up; then it can be saved, and gone on from.

    Few bytes contain their own digest. So they are read as they are, and once more with the right
    digest, which any client that may write to the changelog can compute.
    """
    said = _restore(data)
    try:
        document = orjson.loads(data)
        document["sha256"] = snapshot.digest(document["state"])
        if "sketches" in document:
            document["sketches_sha256"] = snapshot.digest(document["sketches"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return said
    return f"signed: {_restore(orjson.dumps(document))}"


def _restore(data: bytes) -> str:
    spec = RECIPES["sgd" if b'"sgd"' in data else "bayesian"]
    try:
        found = {one.part: one for one in snapshot.read(data, 0, spec)}
        regression, history = found.get(Part.REGRESSION), found.get(Part.HISTORY)
        partition = Partition(spec) if regression is None else regression.restore(spec)
        if history is not None:
            partition.take_up(saved := history.history(spec))
            assert saved.position == history.position
            rows = without_ids(spec.decode, saved.repeats)
            _read_on(Replay(saved, rows, saved.position))
    except DamagedError:
        return "damaged"
    except ForeignError:
        return "foreign"
    if regression is not None:
        assert partition.position == regression.position
        _again(partition)
        _go_on(partition)
    return " and ".join(sorted(found))


def _read_on(replay: Replay) -> None:
    """A history that is behind reads events."""
    before = replay.history.n
    for record in _events_from(replay.position):
        replay.read(record)
    assert replay.history.n - before in (BLOCK, 2 * BLOCK)


def _go_on(partition: Partition) -> None:
    """Events are learned and the state is saved again."""
    partition.view()
    start = partition.reads_from
    if start < partition.position:  # the history is behind, and its log is not this one
        return
    partition.fold(_events_from(start))
    assert partition.position == start + len(AFTER)
    partition.view()
    _again(partition)


def _again(partition: Partition) -> None:
    """What is saved now is read back, to the bit."""
    taken = [snapshot.take(partition, 0, "")]
    if partition.has_whole_history:
        taken.append(snapshot.take_history(partition, 0, ""))
    for one in taken:
        (again,) = snapshot.read(snapshot.write(one), 0, partition.spec)
        assert again == one
        if one.part is Part.HISTORY:
            again.history(partition.spec)
        else:
            restored = again.restore(partition.spec)
            assert snapshot.take(restored, 0, "") == one


def _events_from(start: int) -> list[Record]:
    return [Record(start + i, value, timestamp=NOW_MS) for i, value in enumerate(AFTER)]


def _address(headers: Headers) -> Address | None:
    try:
        return find_address(headers, default_topic="replies-0", allowed=_is_allowed)
    except BadAddressError as error:
        bad = error
    assert 0 < len(bad.detail) < 300  # noqa: PLR2004 - a line
    return bad.fallback


def _assert_is_answerable(headers: Headers, address: Address) -> None:
    assert _is_allowed(address.topic)
    assert address.topic.isascii()
    assert address.partition is None or 0 <= address.partition < 10**10
    deadline = find_deadline(headers)
    assert deadline is None or 0 <= deadline < 10**16
    forwarded = find_reply_headers(headers, default_topic="replies-0")
    assert wants_reply(forwarded)
    names = [name for name, _ in address.write(b"key", b"{}", b"{}").headers]
    assert len(set(names)) == len(names)


def _is_allowed(topic: str) -> bool:
    return topic.startswith("replies-")


def _is_finite(value: Any) -> bool:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _size(record: Unpacked) -> int:
    headers = sum(len(name.encode()) + len(content or b"") for name, content in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


TARGETS: Final[dict[str, Callable[[bytes], str]]] = {
    "event": fuzz_event,
    "mapping": fuzz_mapping,
    "request": fuzz_request,
    "batch": fuzz_batch,
    "snapshot": fuzz_snapshot,
}
