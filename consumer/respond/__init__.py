"""Requests in, answers out: the responder's loop, and the ways of a reply and of an event on.

May import ``state``, ``context`` and the layers below (``pyproject.toml``, import-linter), but not
``learn``.
"""

from consumer.respond.acknowledgements import Acknowledgements
from consumer.respond.claim import Claim
from consumer.respond.forwards import Forwards
from consumer.respond.loop import Responder
from consumer.respond.recreation import Recreation
from consumer.respond.replies import Replies

__all__ = ["Acknowledgements", "Claim", "Forwards", "Recreation", "Replies", "Responder"]
