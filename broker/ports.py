"""Ports to listen on."""

import errno
import secrets
import socket
import time
from contextlib import suppress
from pathlib import Path

from broker.errors import PortTakenError

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000
_POLL_S = 0.05


def free_port(host: str, *, other_than: int = 0) -> int:
    """A port that nothing listens on now, below the range that the kernel gives to clients.

    From inside that range, another program's outgoing connection may take the port while the
    broker is down, even the connection of a client that tries to reach it: TCP can connect a port
    to itself.

    Raises:
        PortTakenError: the host isn't an address of this machine.
    """
    wait_until_free(host, 0, timeout_s=0)  # tells a wrong host from a taken port
    end = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else _LOWEST
    for _attempt in range(100 if end > _LOWEST else 0):
        port = _LOWEST + secrets.randbelow(end - _LOWEST)
        with suppress(OSError):
            if port != other_than:
                return _listen(host, port)
    return _listen(host, 0)  # a machine set up otherwise: let the kernel choose


def free_ports(host: str, count: int) -> list[int]:
    """So many different ones.

    Raises:
        PortTakenError: the host isn't an address of this machine.
    """
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port(host))
    return list(found)


def wait_until_free(host: str, port: int, *, timeout_s: float) -> None:
    """Return when the port can be listened on: at once, or when a dying broker has let go of it.

    Raises:
        PortTakenError: the port is still taken at the end of the time, or isn't available at all.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            _listen(host, port)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            if taken and time.monotonic() < deadline:
                time.sleep(_POLL_S)
                continue
            remedy = (
                "stop the program that does, or choose another port (0 takes a free one)."
                if taken
                else "choose another host or port."
            )
            raise PortTakenError(
                f"Can't listen on {host}:{port} ({error.strerror}): {remedy}"
            ) from error
        return


def _listen(host: str, port: int) -> int:
    """Listen for an instant, with the options of Java's sockets; returns the port."""
    family, kind, *_rest, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
        bound: int = listener.getsockname()[1]
        return bound
