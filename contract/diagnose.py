"""Why Kafka does not let us in, in one sentence for the operator. Pure.

The gateway has the same sentences (gateway/src/diagnose.ts). They name brokers, users and files,
but no secret.
"""

import re
import ssl
from dataclasses import dataclass
from enum import StrEnum

from contract.environment import Environment

_EXPIRED, _NOT_YET_VALID, _REVOKED, _LIST_EXPIRED = 10, 9, 23, 12
_OTHER_HOST = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_NO_LIST = 3


class DoorKind(StrEnum):
    """The kind of fault."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Shut:
    """Why Kafka does not let us in.

    Attributes:
        kind: The kind of fault.
        sentence: What is wrong and, unless obvious, what to do about it.
    """

    kind: DoorKind
    sentence: str


def principal(settings: Environment) -> str:
    """Our principal, in words."""
    if settings.kafka_sasl_mechanism != "OAUTHBEARER":
        return f"user {settings.kafka_sasl_plain_username}"
    provider = settings.kafka_sasl_oauth_token_provider
    return provider or f"client {settings.kafka_sasl_oauthbearer_client_id}"


def refused(settings: Environment) -> Shut:
    """The broker refused our credentials."""
    mechanism = settings.kafka_sasl_mechanism
    what = "token" if mechanism == "OAUTHBEARER" else "password"
    said = f"Kafka refused the {what} of {principal(settings)} ({mechanism})"
    return Shut(DoorKind.REFUSED, said)


def not_offered(broker: str, settings: Environment) -> Shut:
    """The broker does not offer our mechanism."""
    said = f"broker {broker} does not offer {settings.kafka_sasl_mechanism}"
    return Shut(DoorKind.REFUSED, said)


def not_proven(broker: str, settings: Environment) -> Shut:
    """The broker failed its part of SCRAM's mutual authentication."""
    said = f"broker {broker} does not prove that it knows the password of {principal(settings)}"
    return Shut(DoorKind.REFUSED, said)


def login_cut_off(broker: str, settings: Environment) -> Shut:
    """The connection was closed while we logged in."""
    said = f"broker {broker} closed the connection at the login of {principal(settings)}"
    return Shut(DoorKind.REFUSED, said)


def login_expected(broker: str, settings: Environment) -> Shut:
    """The broker expects a login, and our protocol has none."""
    return Shut(DoorKind.REFUSED, f"{broker} expects a login, not {_protocol(settings)}")


def no_login_expected(broker: str, settings: Environment) -> Shut:
    """Our protocol logs in, and the broker takes no logins."""
    return Shut(
        DoorKind.REFUSED, f"{broker} does not take logins, which {_protocol(settings)} asks for"
    )


def tls_expected(broker: str, settings: Environment) -> Shut:
    """The broker speaks TLS, and we did not."""
    return Shut(DoorKind.REFUSED, f"{broker} expects TLS, not {_protocol(settings)}")


def no_tls(broker: str, settings: Environment) -> Shut:
    """We speak TLS, and the broker does not."""
    said = f"{broker} does not speak TLS, which {_protocol(settings)} asks for"
    return Shut(DoorKind.REFUSED, said)


def closes(broker: str, settings: Environment) -> Shut:
    """The broker closes each connection."""
    said = f"{broker} closes the connection: does it expect {_protocol(settings)}?"
    return Shut(DoorKind.UNREACHABLE, said)


def unknown_host(broker: str) -> Shut:
    """The host name is not known."""
    return Shut(DoorKind.UNREACHABLE, f"the host name of {broker} is not known")


def silent(broker: str) -> Shut:
    """The broker cannot be reached, or does not answer."""
    return Shut(DoorKind.UNREACHABLE, f"{broker} does not answer")


def unreadable(error: OSError) -> Shut:
    """TLS's files were usable at the start, and no longer are."""
    named = f" ({error.strerror})" if not isinstance(error, ssl.SSLError) and error.strerror else ""
    return Shut(DoorKind.CERTIFICATE, f"a file of KAFKA_SSL_... cannot be used any more{named}")


def of_tls(
    error: ssl.SSLError, broker: str, settings: Environment, *, expired: bool
) -> Shut | None:
    """A fault of a certificate, theirs or ours; None if it is something else.

    Args:
        error: The error of TLS.
        broker: HOST:PORT.
        settings: The certificates.
        expired: Whether ours has expired.
    """
    said: str | None
    if isinstance(error, ssl.SSLCertVerificationError):
        said = _of_theirs(error.verify_code, f"the certificate of broker {broker}", settings)
    else:
        said = _of_ours(str(error), f"broker {broker}", settings, expired=expired)
    return Shut(DoorKind.CERTIFICATE, said) if said else None


def _of_theirs(code: int, theirs: str, settings: Environment) -> str:
    said = {
        _EXPIRED: f"{theirs} has expired",
        _NOT_YET_VALID: f"{theirs} is not valid yet",
        _REVOKED: f"{theirs} is revoked by KAFKA_SSL_CRLFILE",
        _LIST_EXPIRED: "the list in KAFKA_SSL_CRLFILE has expired",
        _NO_LIST: f"KAFKA_SSL_CRLFILE has no list from the issuer of {theirs}",
    } | dict.fromkeys(_OTHER_HOST, f"{theirs} is not for this host name")
    if settings.kafka_ssl_cafile is None:
        stranger = (
            f"{theirs} is not signed by an authority known here: name it with KAFKA_SSL_CAFILE"
        )
    else:
        stranger = f"{theirs} is not signed by an authority in KAFKA_SSL_CAFILE"
    return said.get(code, stranger)


def _of_ours(said: str, broker: str, settings: Environment, *, expired: bool) -> str | None:
    """The fault that the broker's alert reports, if it concerns our certificate."""
    alert = "ALERT" in said.upper()
    if not alert or not re.search(
        r"certificate|unknown.ca|handshake.failure|denied", said, re.IGNORECASE
    ):
        return None
    if settings.kafka_ssl_certfile is None:
        return f"{broker} asks for a certificate: name ours with KAFKA_SSL_CERTFILE"
    if expired:
        return f"our certificate in KAFKA_SSL_CERTFILE has expired: {broker} refused it"
    return f"{broker} refused our certificate in KAFKA_SSL_CERTFILE"


def _protocol(settings: Environment) -> str:
    return f"KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol}"
