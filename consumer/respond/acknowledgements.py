"""Acknowledges events whose senders asked for it, once they are learned, with the new summary."""

from collections.abc import Callable, Sequence
from time import monotonic

from consumer.decode import Record, Rejected, RequestError
from consumer.decode.dialects import BadAddressError, find_address
from consumer.model import Model, answer
from consumer.respond.pending import PendingReply
from consumer.respond.replies import Replies
from contract.messages import AT_LEAST, ErrorCode, Method, Outcome

MAX_AGE_MS = 5 * 60 * 1000
"""Events older than this are not acknowledged where the log is being read again."""


class Acknowledgements:
    """Sends acknowledgements as replies; used by the learner's thread.

    Args:
        replies: Sends them.
        default_topic: The reply topic of senders that name none, or one that is of no use.
        allowed: Whether a request may name this reply topic.
    """

    def __init__(
        self, replies: Replies, default_topic: str, allowed: Callable[[str], bool]
    ) -> None:
        self._replies = replies
        self._default_topic = default_topic
        self._allowed = allowed

    def send(
        self,
        asking: Sequence[tuple[Record, Outcome | Rejected]],
        model: Model,
        *,
        partition: int,
        again: int,
        now_ms: float,
    ) -> None:
        """Acknowledge events of one partition that were learned, or refused.

        Args:
            asking: The events, and what became of each.
            model: The model after them.
            partition: The number of the partition.
            again: The end of the partition's log when its state was restored. Records before it
                may be read for a second time: old ones among them were acknowledged the first
                time. Later records are always acknowledged, whatever the sender's clock said.
            now_ms: Milliseconds since the epoch.
        """
        for record, outcome in asking:
            if record.offset < again and now_ms - record.timestamp > MAX_AGE_MS:
                continue
            try:
                address = find_address(
                    record.headers, default_topic=self._default_topic, allowed=self._allowed
                )
                body = acknowledge(outcome, model)
                if "error" not in body:
                    body[AT_LEAST] = {str(partition): record.offset + 1}
            except BadAddressError as bad:
                if bad.fallback is None:
                    continue
                address = bad.fallback
                body = answer.error(RequestError(ErrorCode.BAD_REPLY_ADDRESS, bad.detail))
            body = self._replies.signed(body)
            self._replies.send(
                PendingReply(address, record.key, body, Method.LEARN, sent_at=monotonic())
            )


def acknowledge(outcome: Outcome | Rejected, model: Model) -> answer.Reply:
    """The reply to an event's sender: whether it was learned, and the summary after it."""
    if isinstance(outcome, Rejected):
        return answer.error(RequestError(ErrorCode(outcome.reason), outcome.detail))
    said: answer.Reply = {"learned": outcome is Outcome.LEARNED}
    if model.spec.has_ids:
        said["outcome"] = outcome
    try:
        return {**said, **answer.summarise(model)}
    except RequestError as refusal:
        if outcome in (Outcome.WAITING, Outcome.REPEATED):  # of nothing there is no summary yet
            return {**said, **answer.basis(model, model.spec.formula)}
        return answer.error(refusal)
