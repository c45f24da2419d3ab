"""A requester is answered in the dialect it asked in. Pure: headers and values in and out.

``families`` has the five dialects: which headers ask, which answer. ``address`` makes of
the headers where and how to answer. ``faust`` opens and writes Faust's envelopes.
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
