"""/metrics, /livez and /readyz over HTTP/1.1, in one thread, with limits on time and size.

An idle client is cheap: the kernel holds its connection until it sends something, or else it is a
coroutine for a few seconds. Prometheus' own server would keep a thread for it forever.
"""

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.exposition import choose_encoder

from consumer.telemetry.guard import Guard

PATIENCE_SECONDS = 5.0
MAX_HEAD_BYTES = 8 * 1024
MAX_CONNECTIONS = 1000
ACCEPTED = 100
"""Connections that asyncio accepts in one turn of its loop. A request among them is read in the
next; of more than MAX_CONNECTIONS in one turn it could be the oldest, and dropped."""
BACKLOG = 4096
OPEN = "/livez"
"""Reveals nothing but liveness, to restart the process by: it needs no token."""

OPEN_TO_ALL = Guard()
UNKNOWN_CALLER = "WWW-Authenticate: Bearer\r\n"


class Page(NamedTuple):
    """An answer; ``also`` is a further header field."""

    status: HTTPStatus
    content_type: str
    body: bytes
    also: str = ""


class Web:
    """The HTTP server; listens from construction on.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.
        registry: What /metrics shows.
        guard: The token required (except at /livez) and the TLS context.
        alive: Why the process is not alive, a sentence each; empty if it is.
        ready: Why the service is not ready, a sentence each; empty if it is.

    Raises:
        OSError: The address cannot be listened on.
    """

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        *,
        alive: Callable[[], list[str]],
        ready: Callable[[], list[str]],
        guard: Guard = OPEN_TO_ALL,
    ) -> None:
        self._registry = registry
        self._guard = guard
        self._checks = {"/livez": alive, "/readyz": ready}
        self._talks: dict[asyncio.StreamWriter, None] = {}  # in order of arrival
        self._dropped = Counter(
            "riverline_http_connections_dropped",
            "Connections closed unanswered, to make room for newer ones.",
            registry=registry,
        )
        self._loop = asyncio.new_event_loop()
        try:
            self._server = self._loop.run_until_complete(
                asyncio.start_server(
                    self._serve, host, port, limit=MAX_HEAD_BYTES, backlog=ACCEPTED
                )
            )
        except OSError:
            self._loop.close()
            raise
        for sock in self._server.sockets:
            with socket.socket(fileno=os.dup(sock.fileno())) as listener:
                listener.listen(BACKLOG)
            if hasattr(socket, "TCP_DEFER_ACCEPT"):  # Linux
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, int(PATIENCE_SECONDS))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="web", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and close all connections."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        for writer in self._talks:
            writer.transport.abort()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talks[writer] = None
        if len(self._talks) > MAX_CONNECTIONS:
            self._drop_oldest()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                if self._guard.context is not None:  # before anything is read
                    await writer.start_tls(self._guard.context())
                await self._converse(reader, writer)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # it went away, or sent no HTTP request in time
        finally:
            self._talks.pop(writer, None)
            writer.close()

    def _drop_oldest(self) -> None:
        """Close the oldest connection: it is idle, since requests are answered in milliseconds.

        Only the transport is aborted, and its task ends by itself: asyncio logs a traceback for
        each connection task that is cancelled.
        """
        oldest = next(iter(self._talks))
        del self._talks[oldest]
        oldest.transport.abort()
        self._dropped.inc()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, _, rest = head[0].partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        pairs = (line.split(":", 1) for line in head[1:] if ":" in line)
        fields = {name.lower(): value.strip() for name, value in pairs}
        page = self._page(method, path, fields)
        writer.write(
            f"HTTP/1.1 {page.status.value} {page.status.phrase}\r\n"
            f"Content-Type: {page.content_type}\r\n"
            f"Content-Length: {len(page.body)}\r\n"
            f"{page.also}"
            "Cache-Control: no-store\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        if method != "HEAD":
            writer.write(page.body)
        await writer.drain()

    def _page(self, method: str, path: str, fields: dict[str, str]) -> Page:
        if path != OPEN and not self._guard.lets_in(fields.get("authorization", "")):
            return _text(HTTPStatus.UNAUTHORIZED, ["a bearer token is required"], UNKNOWN_CALLER)
        if path != "/metrics" and path not in self._checks:
            return _text(
                HTTPStatus.NOT_FOUND, ["not found; the paths are /metrics, /livez and /readyz"]
            )
        if method not in ("GET", "HEAD"):
            return _text(HTTPStatus.METHOD_NOT_ALLOWED, ["GET or HEAD"])
        if path == "/metrics":
            encode, content_type = choose_encoder(fields.get("accept", "").lower())
            return Page(HTTPStatus.OK, content_type, encode(self._registry))
        reasons = self._checks[path]()
        if reasons:
            return _text(HTTPStatus.SERVICE_UNAVAILABLE, reasons)
        return _text(HTTPStatus.OK, ["ok"])


def _text(status: HTTPStatus, lines: list[str], also: str = "") -> Page:
    return Page(status, "text/plain; charset=utf-8", ("\n".join(lines) + "\n").encode(), also)
