"""The refusal of a request, with its reason."""

from contract.messages import ErrorCode


class Refusal(Exception):  # noqa: N818 - an answer, not a fault of the service
    """A request cannot be answered, through no fault of the service.

    The responder turns it into an error reply.

    Attributes:
        code: One of a closed set, for programs.
        message: A sentence for people. It echoes at most MAX_ECHO_LENGTH characters of the input.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
