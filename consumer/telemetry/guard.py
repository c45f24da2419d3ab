"""What guards the HTTP port: its TLS certificate, and the token that clients must send."""

import hmac
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from consumer.telemetry.faults import FaultKind, Faults
from contract.tls import server_context

ABOUT = "the certificate of the HTTP port"


class Certificate:
    """The certificate in its files, reloaded when they change, without a restart.

    Args:
        certificate: As for ``server_context``.
        key: As for ``server_context``.
        faults: Notified if changed files are unusable; the certificate before stays in use.

    Raises:
        OSError: As ``server_context``.
    """

    def __init__(self, certificate: Path, key: Path | None, faults: Faults) -> None:
        self._files, self._faults = (certificate, key), faults
        self._seen = self._stamps()
        self._context = server_context(*self._files)

    def context(self) -> ssl.SSLContext:
        """The context for the next connection."""
        stamps = self._stamps()
        if stamps != self._seen:
            try:
                self._context = server_context(*self._files)
            except OSError as error:
                sentence = f"{ABOUT} was not reloaded, the previous one stays in use: {_why(error)}"
                self._faults.saw(ABOUT, FaultKind.CERTIFICATE, sentence, unready=False)
                return self._context
            self._seen = stamps
            self._faults.over(ABOUT)
        return self._context

    def _stamps(self) -> list[tuple[int, int] | None]:
        """The files' modification times and inodes; None for a missing file."""
        stamps: list[tuple[int, int] | None] = []
        for path in filter(None, self._files):
            try:
                status = path.stat()
            except OSError:
                stamps.append(None)
            else:
                stamps.append((status.st_mtime_ns, status.st_ino))
        return stamps


def _why(error: OSError) -> str:
    return getattr(error, "reason", None) or error.strerror or repr(error)


class Guard(NamedTuple):
    """The token and TLS context of the port.

    Attributes:
        token: The token that clients must send; None lets in everybody.
        context: Returns the TLS context for the next connection; None for plain HTTP.
    """

    token: str | None = None
    context: Callable[[], ssl.SSLContext] | None = None

    def lets_in(self, authorization: str) -> bool:
        """Whether this ``Authorization`` header lets a client in."""
        return self.token is None or bears(authorization, self.token)


def bears(authorization: str, token: str) -> bool:
    """Whether an ``Authorization`` header has the token (RFC 6750, 2.1), in constant time."""
    scheme, _, given = authorization.partition(" ")
    found = hmac.compare_digest(given.strip().encode(), token.encode())
    return found and scheme.lower() == "bearer"


def guard(
    certificate: Path | None, key: Path | None, token: SecretStr | None, faults: Faults
) -> Guard:
    """The guard that the settings ask for.

    Raises:
        OSError: As ``server_context``.
    """
    return Guard(
        token.get_secret_value() if token else None,
        Certificate(certificate, key, faults).context if certificate else None,
    )
