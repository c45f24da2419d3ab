"""A way out for replies that keeps them."""

from typing import Any

import orjson

from consumer.respond.pending import PendingReply
from contract.messages import RequestOutcome


class KeptReplies:
    """Replies, as far as those who send them know of it."""

    def __init__(self) -> None:
        self.replies: list[PendingReply] = []

    def signed(self, body: dict[str, Any]) -> dict[str, Any]:
        return body

    def send(self, reply: PendingReply) -> None:
        self.replies.append(reply)

    def flush(self) -> None: ...

    def bodies(self) -> list[dict[str, Any]]:
        """What each says."""
        messages = [reply.message for reply in self.replies if reply.message is not None]
        return [orjson.loads(message.value) for message in messages]

    def errors(self) -> list[tuple[str, RequestOutcome | None]]:
        """Code and outcome of each."""
        bodies = self.bodies()
        outcomes = [reply.outcome for reply in self.replies]
        return list(zip((body["error"]["code"] for body in bodies), outcomes, strict=True))
