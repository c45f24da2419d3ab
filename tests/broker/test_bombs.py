"""A few kilobytes that become gigabytes: as events and as requests, to a service with 1 GiB."""

import resource
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from chaos.world import tell
from contract.environment import Environment
from producer import PredictionClient
from support.service import LEARNED
from support.waiting import wait_until
from unit.batches import HEADER, Crafted, sealed, write

from .conftest import Start
from .test_crafted import NOW, OK, create, honest, told

pytestmark = pytest.mark.slow(seconds=60)

BOMBS = 20
RECORDS, RECORD_BYTES = 300, 1_000_000
GIBIBYTE = 2**30
ZSTD_VERSION = 7

Compress = Callable[[bytes], bytes]


def gzip(raw: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=31)
    return compressor.compress(raw) + compressor.flush()


CODECS: dict[int, Compress] = {1: gzip, 4: zstandard.ZstdCompressor().compress}


def bomb(codec: int) -> bytes:
    """A batch of RECORDS records of a megabyte each."""
    records = [Crafted(delta, b" " * RECORD_BYTES) for delta in range(RECORDS)]
    body = CODECS[codec](b"".join(map(bytes, records)))
    length, last = HEADER.size - 12 + len(body), RECORDS - 1
    header = HEADER.pack(0, length, 0, 2, 0, codec, last, NOW, NOW, -1, -1, -1, RECORDS)
    return sealed(bytearray(header + body))


def peak_bytes(pid: int) -> int:
    """The most memory that a process ever had."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_bombs_hold_up_nothing_and_take_no_memory(
    start: Start, settings: Environment, names: dict[str, str]
) -> None:
    kafka = names["KAFKA_BOOTSTRAP_SERVERS"]
    for topic in (settings.events_topic, settings.requests_topic):
        create(kafka, topic, {"compression.type": "producer"})
    service = start()
    resource.prlimit(service.process.pid, resource.RLIMIT_DATA, (GIBIBYTE, GIBIBYTE))
    before = peak_bytes(service.process.pid)
    with PredictionClient(settings, timeout=60) as client:
        for number in range(BOMBS):
            codec = list(CODECS)[number % len(CODECS)]
            bytes_of_it = bomb(codec)
            for topic in (settings.events_topic, settings.requests_topic):
                assert write(kafka, topic, bytes_of_it, ZSTD_VERSION) == OK
            assert write(kafka, settings.events_topic, told(honest())) == OK
        learned = BOMBS * len(honest())
        wait_until(lambda: service.metric(LEARNED) >= learned, 120)
        assert client.predict(tv=3.0)["prediction"] is not None
        train = client.ask("train")
    assert service.metric(LEARNED) == learned
    assert train["positions"]["0"] == BOMBS * (RECORDS + len(honest()))
    peak = peak_bytes(service.process.pid)
    tell(f"{2 * BOMBS} bombs: at most {peak / 2**20:.0f} MiB, {before / 2**20:.0f} before them")
    assert peak < GIBIBYTE / 2
    service.stop()
    again = start()
    assert again.metric("riverline_model_events") == learned
