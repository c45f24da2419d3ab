"""What Kafka does not allow us: which resource it is, and what that costs."""

import re

from kafka.errors import (
    AuthorizationError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)

from consumer.faults import FaultKind, Faults

ABOUT_START = "what Kafka allows us at the start"
QUOTED = re.compile(r"'([^']+)'")
"""In the sentences that kafka-python's admin client makes of some refusals."""

RETRY_SECONDS = 0.5
"""What is not allowed is tried again so often: an ACL may be given at any time."""

_RESOURCES = (
    (TopicAuthorizationFailedError, "topic"),
    (GroupAuthorizationFailedError, "group"),
    (ClusterAuthorizationFailedError, "cluster"),
)


def tell(
    faults: Faults, about: str, error: AuthorizationError, costs: str, *, unready: bool = True
) -> None:
    """Note it as a fault that lasts; it is ``over(about)`` when it is allowed.

    Args:
        faults: Where it is noted.
        about: What was tried.
        error: What the client raised.
        costs: What does not happen until it is allowed.
        unready: Whether something is lost, unsaved or unanswered while it lasts.
    """
    faults.saw(about, FaultKind.PERMISSION, forbidden(error, costs), unready=unready)


def forbidden(error: AuthorizationError, costs: str) -> str:
    """The sentence for it.

    Args:
        error: What the client raised; it names the resource where Kafka told it.
        costs: What does not happen until it is allowed.
    """
    kind = next((name for of, name in _RESOURCES if isinstance(error, of)), "resource")
    names = ", ".join(_names(error.args))
    if isinstance(error, ClusterAuthorizationFailedError):
        resource = "the cluster"
    elif names:
        resource = f"{kind} {names}"
    else:
        resource = f"a {kind}"
    return f"Kafka does not allow us what we need on {resource}: {costs} until an ACL does"


def _names(arguments: tuple[object, ...]) -> list[str]:
    """The resources among what an error was raised with: one name, or several."""
    names = set[str]()
    for argument in arguments:
        several = argument if isinstance(argument, set | frozenset | list | tuple) else [argument]
        for name in several:
            if isinstance(name, str):
                names |= set(QUOTED.findall(name) or [name])
    return sorted(names)
