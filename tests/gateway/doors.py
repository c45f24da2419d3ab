"""Between the gateway and Kafka: TLS with any certificate, a way through, tokens."""

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from broker.certificates import Certificate

HOST = "127.0.0.1"

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@contextmanager
def listening(port: int, handle: Handle, tls: ssl.SSLContext | None = None) -> Iterator[None]:
    """Serve each connection to this port, in a thread of its own."""
    loop = asyncio.new_event_loop()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await handle(reader, writer)
        writer.transport.abort()

    server = loop.run_until_complete(asyncio.start_server(served, HOST, port, ssl=tls))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def close() -> None:
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def speaking_tls(port: int, shown: Certificate) -> Iterator[None]:
    """A server with this certificate that says nothing."""

    async def handle(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.certificate, shown.key)
    with listening(port, handle, context):
        yield


@contextmanager
def leading_to(port: int, server: str) -> Iterator[None]:
    """Pass on to HOST:PORT what comes to this port, and back."""
    host, _, number = server.rpartition(":")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, int(number))
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    with listening(port, handle):
        yield


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.transport.abort()


class TokenEndpoint:
    """An identity provider: `token` for whoever shows the client's name and `secret`.

    Attributes:
        token: What is given out.
        asked: The bodies of the requests.
    """

    def __init__(self, token: str) -> None:
        self.token = token
        self.asked: list[str] = []

    def handler(self, expected: str) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                endpoint.asked.append(body)
                known = self.headers["Authorization"] == expected
                answer = {"access_token": endpoint.token, "expires_in": 60, "token_type": "Bearer"}
                sent = json.dumps(answer if known else {"error": "invalid_client"}).encode()
                self.send_response(200 if known else 401)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@contextmanager
def giving_tokens(endpoint: TokenEndpoint, expected: str, port: int = 0) -> Iterator[str]:
    """The URL of the endpoint while it is served; ``expected``: the Authorization header."""
    with ThreadingHTTPServer((HOST, port), endpoint.handler(expected)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}/token"
        finally:
            server.shutdown()
            thread.join()
