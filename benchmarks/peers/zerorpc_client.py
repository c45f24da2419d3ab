"""Asks a ZeroRPC server: for each number on standard input so many questions, one after another.

    python -m peers.zerorpc_client PORT LIMIT

Prints the round trips' seconds, a JSON list for each line read.
"""

import signal
import sys
from time import perf_counter

import orjson
import zerorpc  # type: ignore[import-not-found]


def main() -> None:
    """Ask until the input ends."""
    port, limit = sys.argv[1:]
    signal.alarm(int(limit))
    client = zerorpc.Client(f"tcp://127.0.0.1:{port}")
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            started = perf_counter()
            client.predict({"tv": 50.0})
            times.append(perf_counter() - started)
        print(orjson.dumps(times).decode(), flush=True)


if __name__ == "__main__":
    main()
