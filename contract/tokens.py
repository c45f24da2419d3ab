"""Bearer tokens for OAUTHBEARER: by client credentials (RFC 6749, section 4.4), or a function.

They are fetched when a connection logs in, in the connecting thread.
"""

import importlib
import json
import threading
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from http import HTTPStatus
from time import monotonic
from typing import Protocol
from urllib.parse import quote, urlencode

TIMEOUT_SECONDS = 2.5
"""Less than a connection's time limit, which includes fetching the token."""

AGE = 0.8
"""A token is reused for this part of its lifetime."""

DEFAULT_LIFETIME_SECONDS = 300
MAX_BYTES = 256 * 1024

_REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class TokenError(Exception):
    """No token could be fetched; the message names the fault."""


class Source(Protocol):
    """Where tokens come from."""

    def token(self) -> str:
        """A valid token.

        Raises:
            TokenError: None could be fetched.
        """

    def forget(self) -> None:
        """Drop the current token, which was refused."""


class Endpoint:
    """An identity provider's token endpoint; thread-safe.

    Args:
        url: The endpoint's URL.
        client: Our client id.
        secret: Our client secret.
        scope: The scope to ask for, if the endpoint requires one.
    """

    def __init__(self, url: str, client: str, secret: str, scope: str | None = None) -> None:
        self._url = url
        self._client = client
        credentials = ":".join(quote(it, safe="") for it in (client, secret))
        self._authorization = f"Basic {b64encode(credentials.encode()).decode()}"
        form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        self._form = urlencode(form).encode()
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    def token(self) -> str:
        """The current token for four fifths of its lifetime, then a new one."""
        with self._lock:
            if monotonic() >= self._until:
                self._token, seconds = self._fetch()
                self._until = monotonic() + AGE * seconds
            return self._token

    def forget(self) -> None:
        """Drop the current token, which was refused."""
        with self._lock:
            self._until = 0.0

    def _fetch(self) -> tuple[str, float]:
        """A new token, and its lifetime in seconds."""
        status, body = self._ask()
        if status in _REFUSALS:
            raise TokenError(f"the token endpoint {self._url} refused client {self._client}")
        try:
            answer = json.loads(body) if status == HTTPStatus.OK else {}
            token, seconds = answer["access_token"], answer.get("expires_in")
            lifetime = float(DEFAULT_LIFETIME_SECONDS if seconds is None else seconds)
        except (ValueError, TypeError, LookupError, AttributeError):
            token, lifetime = None, 0.0
        if not isinstance(token, str) or not token:
            raise TokenError(f"the token endpoint {self._url} gave no token (status {status})")
        return token, lifetime

    def _ask(self) -> tuple[int, bytes]:
        headers = {"Authorization": self._authorization, "Accept": "application/json"}
        request = urllib.request.Request(self._url, self._form, headers)  # noqa: S310 - http(s), see settings
        try:
            with _OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return answer.status, answer.read(MAX_BYTES)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, b""
        except (OSError, ValueError) as error:  # ValueError: its answer is not HTTP
            raise TokenError(f"the token endpoint {self._url} does not answer") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: our secret goes to the configured endpoint alone."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


class Function:
    """Tokens from a user's function, called whenever a connection logs in.

    Args:
        path: ``package.module:function``; the function takes no arguments and returns a token.

    Raises:
        ValueError: The function cannot be imported.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        module, _, name = path.partition(":")
        try:
            function = getattr(importlib.import_module(module), name)
        except Exception as error:  # a module may raise anything when it is imported
            raise ValueError(f"cannot be imported ({type(error).__name__})") from error
        if not callable(function):
            raise ValueError("is not a function")  # noqa: TRY004 - a setting's value
        self._function: Callable[[], object] = function

    def token(self) -> str:
        """What the function returns now."""
        try:
            token = self._function()
        except Exception as error:  # it is another's, and its message may hold a secret
            raise TokenError(f"{self._path} raised {type(error).__name__}") from error
        if not isinstance(token, str) or not token:
            raise TokenError(f"{self._path} returned no token, but a {type(token).__name__}")
        return token

    def forget(self) -> None:
        """Nothing is kept here."""
