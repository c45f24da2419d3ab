"""Tokens: fetched by a client's credentials, kept for a while, forgotten when refused."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from time import monotonic

import pytest

from contract import tokens
from contract.tokens import Endpoint, Function, TokenError

ID, SECRET = "river:line", "s3cret&+"  # what a URL's form would mangle
SHOWN = "Basic cml2ZXIlM0FsaW5lOnMzY3JldCUyNiUyQg=="


class Provider:
    """An identity provider that answers so, whoever asks."""

    def __init__(self, status: int = 200, lifetime_s: float | None = 60, body: str = "") -> None:
        self.status = status
        self.lifetime_s = lifetime_s
        self.body = body
        self.asked: list[tuple[str, str]] = []
        self.location = ""
        self._numbers = count(1)

    def answer(self) -> bytes:
        answer = {"access_token": f"token-{next(self._numbers)}", "expires_in": self.lifetime_s}
        return (self.body or json.dumps(answer)).encode()

    @contextmanager
    def serving(self) -> Iterator[str]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                provider.asked.append((self.headers["Authorization"], form))
                self.send_response(provider.status)
                if provider.location:
                    self.send_header("Location", provider.location)
                self.end_headers()
                self.wfile.write(provider.answer())

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/token"
            finally:
                server.shutdown()
                thread.join()


def test_a_token_is_asked_for_with_the_clients_credentials_and_scope() -> None:
    provider = Provider()
    with provider.serving() as url:
        assert Endpoint(url, ID, SECRET, "kafka all").token() == "token-1"
    assert provider.asked == [(SHOWN, "grant_type=client_credentials&scope=kafka+all")]


@pytest.mark.parametrize("lifetime_s", [60, None])
def test_a_token_is_kept_until_it_is_refused(lifetime_s: float | None) -> None:
    with Provider(lifetime_s=lifetime_s).serving() as url:
        endpoint = Endpoint(url, ID, SECRET)
        assert [endpoint.token(), endpoint.token()] == ["token-1", "token-1"]
        endpoint.forget()
        assert endpoint.token() == "token-2"


def test_a_token_is_not_kept_beyond_its_life() -> None:
    with Provider(lifetime_s=0).serving() as url:
        endpoint = Endpoint(url, ID, SECRET)
        assert [endpoint.token(), endpoint.token()] == ["token-1", "token-2"]


@pytest.mark.parametrize("status", [400, 401, 403])
def test_an_endpoint_that_refuses_is_named_with_the_client(status: int) -> None:
    with Provider(status).serving() as url, pytest.raises(TokenError) as error:
        Endpoint(url, ID, SECRET).token()
    assert str(error.value) == f"the token endpoint {url} refused client {ID}"


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, ""), (404, ""), (200, "no"), (200, "{}"), (200, "[]"), (200, '{"access_token": 1}')],
)
def test_an_endpoint_that_gives_no_token_is_named_with_its_status(status: int, body: str) -> None:
    with Provider(status, body=body).serving() as url, pytest.raises(TokenError) as error:
        Endpoint(url, ID, SECRET).token()
    assert str(error.value) == f"the token endpoint {url} gave no token (status {status})"


def test_our_secret_is_not_sent_on_to_where_the_endpoint_points() -> None:
    elsewhere, provider = Provider(), Provider(307)
    with elsewhere.serving() as provider.location, provider.serving() as url:
        with pytest.raises(TokenError, match="gave no token"):
            Endpoint(url, ID, SECRET).token()
        provider.status = 302
        with pytest.raises(TokenError, match="gave no token"):
            Endpoint(url, ID, SECRET).token()
    assert elsewhere.asked == []


def test_nobody_there_is_named() -> None:
    with Provider().serving() as url:
        pass
    with pytest.raises(TokenError) as error:
        Endpoint(url, ID, SECRET).token()
    assert str(error.value) == f"the token endpoint {url} does not answer"


def test_an_endpoint_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "TIMEOUT_SECONDS", 0.1)
    silent = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)  # nobody serves it
    started = monotonic()
    with silent, pytest.raises(TokenError, match="does not answer"):
        Endpoint(f"http://127.0.0.1:{silent.server_port}/", ID, SECRET).token()
    assert monotonic() - started < 2


def test_a_function_is_called_each_time() -> None:
    function = Function("secrets:token_hex")
    assert function.token() != function.token()


@pytest.mark.parametrize(
    ("path", "said"),
    [("os:getcwdb", "returned no token, but a bytes"), ("json:loads", "raised TypeError")],
)
def test_a_function_that_gives_no_token_is_named(path: str, said: str) -> None:
    with pytest.raises(TokenError) as error:
        Function(path).token()
    assert str(error.value) == f"{path} {said}"


@pytest.mark.parametrize(
    "path", ["", "json", "json:nothing", "no.such.module:token", "json:__doc__"]
)
def test_a_function_that_is_not_there_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be imported|is not a function"):
        Function(path)
