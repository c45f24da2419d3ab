"""A reply from the moment it is written until it is settled."""

import time
from dataclasses import InitVar, dataclass, field

import orjson

from consumer.decode import Record
from consumer.decode.dialects import Address, Message
from consumer.model import answer
from consumer.respond.byte_budget import ByteBudget
from contract.messages import Method, RequestOutcome

OVERHEAD_BYTES = 1000
"""What a reply takes in memory beside two copies of its key and value: ours and the producer's."""


@dataclass(slots=True, eq=False)
class PendingReply:
    """A reply that is not settled yet.

    Attributes:
        address: Where it goes.
        key: The request's key.
        body: What is answered.
        method: The method that was asked for, if it is known.
        sent_at: When the reply was written, in monotonic seconds.
        outcome: What the request counts as when this reply is delivered; None if it is counted
            elsewhere.
        instead_of: The reply that could not be sent, if this one tells the asker so elsewhere.
        settled: Whether it is delivered, or known never to be.
        message: The record, in the dialect of the address; None once nothing is left to send.
        size: Bytes that it takes in memory.
    """

    address: Address
    key: bytes | None
    body: InitVar[answer.Reply]
    method: Method | None
    sent_at: float
    outcome: RequestOutcome | None = None
    instead_of: "PendingReply | None" = None
    settled: bool = field(default=False, init=False)
    message: Message | None = field(init=False)
    size: int = field(init=False)
    _budget: ByteBudget | None = field(default=None, init=False)

    def __post_init__(self, body: answer.Reply) -> None:
        """Write the record now, in the thread that answers: it handles what goes wrong here."""
        error = body.get("error")
        self.message = self.address.write(
            self.key,
            answer.encode(body),
            None if error is None else orjson.dumps(error),
        )
        self.size = OVERHEAD_BYTES + 2 * (len(self.message.value) + len(self.key or b""))

    def charge(self, budget: ByteBudget | None) -> bool:
        """Charge its size to this budget instead of the present one.

        Returns:
            False, and nothing is changed, if the budget has too little left.
        """
        if budget is not None and not budget.take(self.size):
            return False
        if self._budget is not None:
            self._budget.give_back(self.size)
        self._budget = budget
        return True


def waited(record: Record, sent: object) -> float | None:
    """Seconds since the request was sent; None if it does not say, or nobody waits any more."""
    expired = isinstance(sent, PendingReply) and sent.outcome is RequestOutcome.EXPIRED
    return None if expired or record.timestamp < 0 else time.time() - record.timestamp / 1000
