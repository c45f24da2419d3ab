"""Decodes a request's bytes into a method and its parameters, or refuses them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from consumer.decode.at_least import Bounds, parse_bounds
from consumer.decode.dialects import Headers, find_deadline
from consumer.decode.event import Rejected, parse_number, parse_object
from consumer.decode.formula import MAX_ECHO_LENGTH
from consumer.decode.request_error import RequestError
from contract.messages import AT_LEAST, ErrorCode, Method


@dataclass(frozen=True, slots=True)
class Request:
    """A decoded request.

    Attributes:
        method: The method asked for.
        params: Its other parameters, not validated yet.
        at_least: The positions that the model must have to answer it, by partition.
    """

    method: Method
    params: dict[str, Any]
    at_least: Bounds = field(default_factory=dict)


def decode_request(value: bytes | None) -> Request:
    """Bare features ask for a prediction; ``{"method": ..., "params": {...}}`` names a method.

    Raises:
        RequestError: The value is not such an object.
    """
    document = parse_object(value)
    if isinstance(document, Rejected):
        raise RequestError(ErrorCode(document.reason), document.detail)
    if "method" not in document:
        return _question(Method.PREDICT, document)
    try:
        method = Method(document["method"])
    except ValueError:
        raise RequestError(
            ErrorCode.UNKNOWN_METHOD, f"the methods are {', '.join(Method)}"
        ) from None
    if extra := document.keys() - {"method", "params"}:
        raise RequestError(
            ErrorCode.BAD_PARAMS, f"{len(extra)} unexpected member(s) besides method and params"
        )
    params = document.get("params")
    if params is None:
        params = {}
    if type(params) is not dict:
        raise RequestError(ErrorCode.BAD_PARAMS, "params must be an object")
    if method is Method.LEARN:  # the parameters are an event
        return Request(method, params)
    return _question(method, params)


def _question(method: Method, params: Mapping[str, Any]) -> Request:
    """A question with its bounds apart.

    Raises:
        RequestError: They are not bounds.
    """
    others = dict(params)
    return Request(method, others, parse_bounds(others.pop(AT_LEAST, None)))


def check_deadline(headers: Headers, *, now_ms: float) -> None:
    """Check that the request's header ``deadline`` has not passed by our clock.

    Raises:
        RequestError: It has passed. The message tells our time, as the clocks may differ.
    """
    deadline = find_deadline(headers)
    if deadline is None or deadline >= now_ms:
        return
    now = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    raise RequestError(
        ErrorCode.EXPIRED,
        f"the deadline passed {(now_ms - deadline) / 1000:.1f} s before the request was read; "
        f"if you are still waiting, compare clocks: this service's says {now}",
    )


def features(
    params: dict[str, Any], fields: tuple[str, ...], target: str | None
) -> dict[str, float]:
    """The numbers among the parameters, by feature.

    Raises:
        RequestError: A name is not a field or is the target, or a value is not a number in range.
    """
    numbers: dict[str, float] = {}
    for name, value in params.items():
        if name not in fields:
            scrap = repr(name[:MAX_ECHO_LENGTH])[:MAX_ECHO_LENGTH]  # escapes lengthen it
            raise RequestError(
                ErrorCode.UNKNOWN_FIELD,
                f"{scrap} is not a field; the fields are {', '.join(fields)}",
            )
        if name == target:
            raise RequestError(ErrorCode.BAD_PARAMS, f"{target} is the target, not a feature")
        number = parse_number(name, value)
        if isinstance(number, Rejected):
            raise RequestError(ErrorCode(number.reason), number.detail)
        numbers[name] = number
    return numbers
