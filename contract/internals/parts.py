"""Whether kafka-python is the version that we know, with each private part that we use.

A part is named ``module:Class.name`` or ``module:function``, with its signature, or ``ATTRIBUTE``
for anything that is no method: it is found in the class, or in a method that sets it.
"""

import dis
import inspect
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from importlib import import_module
from types import FunctionType

VERSION = "3.0.12"
ATTRIBUTE = ""

Parts = Mapping[str, str]
"""Signatures by part."""

PARTS: Parts = {
    "kafka.net.compat:KafkaNetClient.__init__": "(self, net=None, manager=None, **configs)",
    "kafka.net.compat:KafkaNetClient.cluster": ATTRIBUTE,
    "kafka.net.compat:KafkaNetClient.close": "(self, node_id=None)",
    "kafka.net.inet:create_connection": (
        "(net, host, port, socket_options=(), proxy_url=None, timeout_at=None)"
    ),
    "kafka.net.manager:KafkaConnectionManager.__init__": "(self, net, **configs)",
    "kafka.net.manager:KafkaConnectionManager._build_transport": "(self, node, timeout_at=None)",
    "kafka.net.manager:KafkaConnectionManager._connect": (
        "(self, node, conn, reset_backoff_on_connect=True, timeout_at=None)"
    ),
    "kafka.net.manager:KafkaConnectionManager._net": ATTRIBUTE,
    "kafka.net.manager:KafkaConnectionManager.config": ATTRIBUTE,
    "kafka.net.manager:KafkaConnectionManager.ssl_enabled": ATTRIBUTE,
    "kafka.net.connection:KafkaConnection.close": "(self, error=None)",
    "kafka.net.selector:NetworkSelector.__init__": "(self, **configs)",
    "kafka.net.selector:NetworkSelector.wait_read": "(self, fileobj, timeout_at=None)",
    "kafka.net.selector:NetworkSelector.wait_write": "(self, fileobj, timeout_at=None)",
    "kafka.net.transport:KafkaTCPTransport.__init__": "(self, net, sock, host=None)",
    "kafka.net.transport:KafkaSSLTransport.__init__": "(self, net, sock, host=None, **configs)",
    "kafka.cluster:ClusterMetadata.config": ATTRIBUTE,
    "kafka.cluster:ClusterMetadata.metadata_request": "(self)",
    "kafka.net.sasl:get_sasl_mechanism": "(name)",
    "kafka.net.sasl.abc:SaslMechanism.auth_bytes": "(self)",
    "kafka.net.sasl.abc:SaslMechanism.is_done": "(self)",
    "kafka.net.sasl.abc:SaslMechanism.receive": "(self, auth_bytes)",
    "kafka.net.sasl.oauth:AbstractTokenProvider.token": "(self)",
    "kafka.protocol.metadata:ApiVersionsRequest": ATTRIBUTE,
    "kafka.protocol.parser:KafkaProtocol.receive_bytes": "(self, data)",
    "kafka.protocol.parser:KafkaProtocol.send_bytes": "(self)",
    "kafka.protocol.parser:KafkaProtocol.send_request": "(self, request, correlation_id=None)",
    "kafka.protocol.sasl:SaslAuthenticateRequest": ATTRIBUTE,
    "kafka.protocol.sasl:SaslHandshakeRequest": ATTRIBUTE,
}
"""Those that the consumer and the producer share."""


class UnknownClientError(Exception):
    """kafka-python is not the one that we know; the message has a line for each fault."""


def check(parts: Parts = PARTS) -> None:
    """Check kafka-python's version, and that each of these parts is there as we know it.

    Raises:
        UnknownClientError: It is not; names every fault.
    """
    try:
        version = getattr(import_module("kafka"), "__version__", "not known")
    except ImportError as error:
        raise _unknown([str(error)]) from None
    faults = [] if version == VERSION else [f"its version is {version}"]
    faults += _missing(parts.items())
    if faults:
        raise _unknown(faults)


@contextmanager
def imported() -> Iterator[None]:
    """Around imports: where one fails for want of kafka-python, say what is wrong with it.

    Raises:
        UnknownClientError: kafka-python is missing, or is not the one we know.
        ImportError: Something else is missing.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "kafka":
            raise
        check()
        raise _unknown([str(error)]) from error


def _unknown(faults: Iterable[str]) -> UnknownClientError:
    expected = f"kafka-python {VERSION} is expected: install what requirements.lock names"
    return UnknownClientError("\n".join((expected, *(f"kafka-python: {it}" for it in faults))))


def _missing(parts: Iterable[tuple[str, str]]) -> Iterator[str]:
    for part, expected in parts:
        try:
            found = _signature(part)
        except (ImportError, AttributeError):
            yield f"{part} is missing"
        else:
            if found != expected:
                yield f"{part}{expected} was expected, {part}{found} was found"


def _signature(part: str) -> str:
    """The part's signature, or ATTRIBUTE.

    Raises:
        ImportError: Its module is missing.
        AttributeError: It is missing.
    """
    module, _, path = part.partition(":")
    *owners, name = path.split(".")
    owner = reduce(getattr, owners, import_module(module))
    try:
        found = inspect.getattr_static(owner, name)
    except AttributeError:
        if not (isinstance(owner, type) and _sets(owner, name)):
            raise
        return ATTRIBUTE
    return _text(inspect.signature(found)) if isinstance(found, FunctionType) else ATTRIBUTE


def _text(signature: inspect.Signature) -> str:
    """Defaults that are functions, whose text has an address in it, are left out."""
    return str(
        signature.replace(
            parameters=[
                it.replace(default=...)
                if callable(it.default) and it.default is not it.empty
                else it
                for it in signature.parameters.values()
            ]
        )
    )


def _sets(owner: type, name: str) -> bool:
    """Whether a method of the class sets an attribute of this name."""
    methods = (it for kind in owner.__mro__ for it in vars(kind).values())
    return any(
        step.opname == "STORE_ATTR" and step.argval == name
        for method in methods
        if isinstance(method, FunctionType) and name in method.__code__.co_names
        for step in dis.get_instructions(method)
    )
