"""Decodes bytes from outside into events, requests and addresses, or a reason for refusal.

Pure. A fault of an event is returned, as ``Rejected``; one of a request or an address is raised, as
``RequestError`` or ``BadAddressError``, and nothing else is. Imports only the contract.
"""

from consumer.decode.at_least import Bounds, check_partitions
from consumer.decode.event import (
    SKIPPED,
    UNLABELLED,
    Decoded,
    EventDecoder,
    Identified,
    Label,
    Rejected,
    Row,
    Unreadable,
    parse_object,
)
from consumer.decode.formula import INTERCEPT, Formula, parse_formula
from consumer.decode.record import Record, ValueAlone
from consumer.decode.request import Request, check_deadline, decode_request, features
from consumer.decode.request_error import RequestError
from consumer.decode.trace import TraceContext, trace_context

__all__ = [
    "INTERCEPT",
    "SKIPPED",
    "UNLABELLED",
    "Bounds",
    "Decoded",
    "EventDecoder",
    "Formula",
    "Identified",
    "Label",
    "Record",
    "Rejected",
    "Request",
    "RequestError",
    "Row",
    "TraceContext",
    "Unreadable",
    "ValueAlone",
    "check_deadline",
    "check_partitions",
    "decode_request",
    "features",
    "parse_formula",
    "parse_object",
    "trace_context",
]
