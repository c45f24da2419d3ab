"""python tests/broker/connections.py PORT: 20,000 connections in 10 s that say nothing."""

import resource
import socket
import sys
from collections import deque
from time import monotonic, sleep

CONNECTIONS, SECONDS = 20_000, 10.0
AT_A_TIME = 20
OPEN = 4000


def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held: deque[socket.socket] = deque()
    started = monotonic()
    for number in range(CONNECTIONS):
        if number % AT_A_TIME == 0:
            sleep(max(0.0, started + SECONDS * number / CONNECTIONS - monotonic()))
        connection = socket.socket()
        connection.setblocking(False)  # noqa: FBT003 - socket's
        connection.connect_ex(("127.0.0.1", int(sys.argv[1])))
        held.append(connection)
        if len(held) > OPEN:
            held.popleft().close()
    print(f"{monotonic() - started:.1f}")  # noqa: T201


if __name__ == "__main__":
    main()
