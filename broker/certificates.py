"""A certificate authority in a folder, for tests: the `openssl` command's, 3.0 or later."""

import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from broker.errors import BrokerError

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its private key, each a PEM file."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates; clients that trust `certificate` accept them.

    Args:
        folder: an existing folder; the authority in it is reused, or created.

    Raises:
        BrokerError: `openssl` is missing or refuses.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca.key"
        if not self.certificate.exists():
            openssl(
                *("req", "-x509", *_KEY, "-noenc", "-subj", "/CN=Riverline test CA"),
                *("-days", str(_DAYS), "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
                *("-keyout", str(self._key), "-out", str(self.certificate)),
            )

    def issue(
        self, name: str, *, hosts: Iterable[str] = (), days: int = _DAYS, password: str = ""
    ) -> Certificate:
        """Write NAME.pem and NAME.key into the folder, over what is there.

        Args:
            name: the common name, which is the principal of a Kafka client that shows it.
            hosts: the host names and addresses that a server with the certificate may have.
            days: from now to its end; a negative number makes an expired certificate.
            password: of the private key, which is encrypted with it; none by default.

        Raises:
            BrokerError: `openssl` refuses.
        """
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        extensions = ["-addext", "basicConstraints=critical,CA:FALSE"]
        if names := ",".join(map(_alternative_name, hosts)):
            extensions += ["-addext", f"subjectAltName={names}"]
        lock = ("-passout", "env:RIVERLINE_KEY_PASSWORD") if password else ("-noenc",)
        request = openssl(
            *("req", "-new", *_KEY, *lock, "-subj", f"/CN={name}", *extensions),
            *("-keyout", str(made.key)),
            environment={"RIVERLINE_KEY_PASSWORD": password},
        )
        openssl(
            *("x509", "-req", "-CA", str(self.certificate), "-CAkey", str(self._key)),
            *("-days", str(days), "-copy_extensions", "copyall", "-out", str(made.certificate)),
            given=request,
        )
        return made


def openssl(
    *arguments: str, given: bytes = b"", environment: Mapping[str, str] | None = None
) -> bytes:
    """Run `openssl` on the given standard input; its standard output.

    Raises:
        BrokerError: it isn't installed, or it failed: the message carries its last line.
    """
    try:
        done = subprocess.run(  # noqa: S603  (our own command, no shell)
            ["openssl", *arguments],  # noqa: S607  (whichever the machine has)
            input=given,
            capture_output=True,
            env={**os.environ, **(environment or {})},
            check=True,
        )
    except FileNotFoundError as error:
        raise BrokerError(
            "A secured Kafka needs the command `openssl` (3.0 or later) to make certificates: "
            "install it, or start without security."
        ) from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").splitlines()
        raise BrokerError(
            f"`openssl {arguments[0]}` failed ({lines[-1] if lines else error.returncode})."
        ) from error
    return done.stdout


def _alternative_name(host: str) -> str:
    """The host as an entry of `subjectAltName`."""
    try:
        return f"IP:{ip_address(host)}"
    except ValueError:
        return f"DNS:{host}"
