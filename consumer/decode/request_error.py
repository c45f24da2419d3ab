"""The refusal of a request, with its reason."""

from collections.abc import Mapping

from contract.messages import ErrorCode


class RequestError(Exception):
    """A request gets an error reply instead of an answer.

    Raised where the fault is found, in ``decode``, ``model`` and ``respond``, with its sentence;
    caught in ``respond/answers.py``, and written by ``model/answer.py``'s ``error``.

    The fault is the asker's, but for ErrorCode.INTERNAL.

    Attributes:
        code: One of a closed set, for programs.
        message: A sentence for people. It echoes at most MAX_ECHO_LENGTH characters of the input.
        positions: Of ErrorCode.NOT_YET: the positions reached, by partition.
    """

    def __init__(
        self, code: ErrorCode, message: str, positions: Mapping[int, int] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.positions = positions
