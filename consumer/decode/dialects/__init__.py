"""Answers each requester in the dialect of its request. Pure.

``families`` defines the five dialects: the headers of a request and of its reply. ``address``
works out from the headers where and how to reply. ``faust`` reads and writes Faust's envelopes.
"""

from consumer.decode.dialects.address import (
    Address,
    BadAddressError,
    Message,
    find_address,
    find_deadline,
    find_reply_headers,
    is_of_request,
)
from consumer.decode.dialects.families import Headers, wants_reply
from consumer.decode.dialects.faust import unwrap

__all__ = [
    "Address",
    "BadAddressError",
    "Headers",
    "Message",
    "find_address",
    "find_deadline",
    "find_reply_headers",
    "is_of_request",
    "unwrap",
    "wants_reply",
]
