"""What the HTTP port shows and asks for: a certificate of its own, a token of who comes."""

import hmac
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from consumer.telemetry.faults import FaultKind, Faults
from contract.tls import server_context

ABOUT = "the certificate of the HTTP port"


class Certificate:
    """The certificate as its files are now, so that a renewed one needs no restart.

    Args:
        certificate: As for ``server_context``.
        key: The same.
        faults: Told when what the files hold from now is no use; what they held before stays.

    Raises:
        OSError: As ``server_context``.
    """

    def __init__(self, certificate: Path, key: Path | None, faults: Faults) -> None:
        self._files, self._faults = (certificate, key), faults
        self._seen = self._stamps()
        self._context = server_context(*self._files)

    def context(self) -> ssl.SSLContext:
        """For the next connection."""
        stamps = self._stamps()
        if stamps != self._seen:
            try:
                self._context = server_context(*self._files)
            except OSError as error:
                sentence = f"{ABOUT} was not renewed, the one before is shown: {_why(error)}"
                self._faults.saw(ABOUT, FaultKind.CERTIFICATE, sentence, unready=False)
                return self._context
            self._seen = stamps
            self._faults.over(ABOUT)
        return self._context

    def _stamps(self) -> list[tuple[int, int] | None]:
        """What tells one content of the files from another; None where one is not there."""
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
    """How the port is guarded.

    Attributes:
        token: Asked of whoever comes; None: everybody may look.
        context: What TLS is spoken with, for the next connection; None: it is not.
    """

    token: str | None = None
    context: Callable[[], ssl.SSLContext] | None = None

    def lets_in(self, authorization: str) -> bool:
        """Whether one who says this may look."""
        return self.token is None or bears(authorization, self.token)


def bears(authorization: str, token: str) -> bool:
    """Whether a header ``Authorization`` has the token (RFC 6750, 2.1); takes equally long."""
    scheme, _, given = authorization.partition(" ")
    found = hmac.compare_digest(given.strip().encode(), token.encode())
    return found and scheme.lower() == "bearer"
