"""Checks which security settings go together. Pure.

The gateway reports the same faults in the same words (gateway/src/doors.ts).
"""

from collections.abc import Iterable, Iterator, Mapping

_PROTOCOL, _MECHANISM = "KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM"
_OF_PASSWORDS = ("KAFKA_SASL_PLAIN_USERNAME", "KAFKA_SASL_PLAIN_PASSWORD")
_CREDENTIALS = tuple(
    f"KAFKA_SASL_OAUTHBEARER_{it}" for it in ("TOKEN_ENDPOINT_URL", "CLIENT_ID", "CLIENT_SECRET")
)
_SCOPE = "KAFKA_SASL_OAUTHBEARER_SCOPE"
_PROVIDER = "KAFKA_SASL_OAUTH_TOKEN_PROVIDER"
_PAIRS = (
    ("KAFKA_SSL_CERTFILE", "KAFKA_SSL_KEYFILE"),
    ("KAFKA_SSL_KEYFILE", "KAFKA_SSL_CERTFILE"),
    ("KAFKA_SSL_PASSWORD", "KAFKA_SSL_KEYFILE"),
)


def contradictions(given: Mapping[str, str]) -> list[str]:
    """A line for each setting that does not go with the others.

    Args:
        given: The security settings, by variable name.
    """
    protocol = given.get(_PROTOCOL, "PLAINTEXT")
    faults: list[str] = []
    for prefix, is_on in (
        ("KAFKA_SSL_", protocol.endswith("SSL")),
        ("KAFKA_SASL_", protocol.startswith("SASL")),
    ):
        if not is_on:
            names = [name for name in given if name.startswith(prefix)]
            faults += _refused(given, names, f"{_PROTOCOL}={protocol}")
    if protocol.startswith("SASL"):
        faults += _of_logins(given, protocol)
    for name, other in _PAIRS:
        if name in given:
            faults += _needed(given, [other], name)
    return faults


def _of_logins(given: Mapping[str, str], protocol: str) -> Iterator[str]:
    mechanism = given.get(_MECHANISM)
    chosen = f"{_MECHANISM}={mechanism}"
    if mechanism is None:
        yield from _needed(given, [_MECHANISM], f"{_PROTOCOL}={protocol}")
    elif mechanism != "OAUTHBEARER":
        yield from _needed(given, _OF_PASSWORDS, chosen)
        yield from _refused(given, [*_CREDENTIALS, _SCOPE, _PROVIDER], chosen)
    else:
        yield from _refused(given, _OF_PASSWORDS, chosen)
        if _PROVIDER in given:
            yield from _refused(given, [*_CREDENTIALS, _SCOPE], _PROVIDER)
        else:
            yield from _needed(given, _CREDENTIALS, chosen)


def _needed(given: Mapping[str, str], names: Iterable[str], why: str) -> list[str]:
    return [f"{name}: needed by {why}" for name in names if name not in given]


def _refused(given: Mapping[str, str], names: Iterable[str], why: str) -> list[str]:
    return [f"{name}: does not go with {why}" for name in names if name in given]
