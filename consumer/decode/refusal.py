"""An honest refusal: what a request asked for cannot be had, and here is why."""

from contract.messages import ErrorCode


class Refusal(Exception):  # noqa: N818 - an answer to give, not a fault of ours
    """A request cannot be answered, and nothing is wrong with the service.

    The shell makes an error reply of it.

    Attributes:
        code: One of a closed set, for programs.
        message: A sentence for people. It never echoes more than a scrap of the input.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
