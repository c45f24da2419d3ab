"""Events that ask for it are acknowledged, once they are learned, with the summary after them."""

from collections.abc import Callable, Sequence
from time import monotonic

from consumer.decode import Decoded, Record, Refusal, Rejected
from consumer.decode.dialects import BadAddressError, find_address
from consumer.model import Model, answer
from consumer.respond.pending import PendingReply
from consumer.respond.replies import Replies
from contract.messages import ErrorCode, Method

MAX_AGE_MS = 5 * 60 * 1000
"""An event older than this is acknowledged to nobody where the log is being read again."""


class Acknowledgements:
    """The way out for acknowledgements.

    Args:
        replies: The way out for replies.
        default_topic: Where a requester is told that its reply topic is of no use.
        allowed: Whether a topic may be replied to.
    """

    def __init__(
        self, replies: Replies, default_topic: str, allowed: Callable[[str], bool]
    ) -> None:
        self._replies = replies
        self._default_topic = default_topic
        self._allowed = allowed

    def send(
        self,
        asking: Sequence[tuple[Record, Decoded]],
        model: Model,
        *,
        again: int,
        now_ms: float,
    ) -> None:
        """Acknowledge these events of a partition, which the model has learned (or refused).

        Args:
            asking: The events.
            model: What is known after them.
            again: Where the partition's log ended when we began: what lies before may be read
                again, and was acknowledged then if it is old. What came later is acknowledged
                whatever its timestamp says: its sender's clock may be another.
            now_ms: Milliseconds since the epoch.
        """
        for record, event in asking:
            if record.offset < again and now_ms - record.timestamp > MAX_AGE_MS:
                continue
            try:
                address = find_address(
                    record.headers, default_topic=self._default_topic, allowed=self._allowed
                )
                body = acknowledge(event, model)
            except BadAddressError as bad:
                if bad.fallback is None:
                    continue
                address = bad.fallback
                body = answer.error(Refusal(ErrorCode.BAD_REPLY_ADDRESS, bad.detail))
            body = self._replies.signed(body)
            self._replies.send(
                PendingReply(address, record.key, body, Method.LEARN, sent_at=monotonic())
            )


def acknowledge(event: Decoded, model: Model) -> answer.Reply:
    """What whoever sent an event is told: whether it was learned, and the summary after it."""
    if isinstance(event, Rejected):
        return answer.error(Refusal(ErrorCode(event.reason), event.detail))
    try:
        return {"learned": isinstance(event, tuple), **answer.summarise(model)}
    except Refusal as refusal:
        return answer.error(refusal)
