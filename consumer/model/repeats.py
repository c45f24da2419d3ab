"""Which events were sent as requests: one that comes again, after a crash, must not be counted."""

import base64
import hashlib
from collections.abc import Callable, Iterable
from typing import Self

from consumer.decode import Decoded, Record, Rejected, Row
from consumer.decode.dialects import is_of_request
from consumer.model.folding import TOO_MANY_GAPS, FoldResult, Learn, outcome_of
from contract.messages import Outcome

REMEMBERED = 5000
"""Digests kept of events sent as requests, to recognise repeats. After a crash a responder resends
at most 500; meanwhile the other responders may send the rest."""

DIGEST_BYTES = 8


class Repeats:
    """The digests of the last events that were sent as requests, the newest last.

    Args:
        digests: 8 bytes each.
    """

    def __init__(self, digests: Iterable[bytes] = ()) -> None:
        self._digests = dict.fromkeys(digests)

    def saw(self, record: Record) -> bool:
        """Whether the event repeats a request that was seen already; remembers it, if it does not.

        A repeat is the same byte for byte, including the header that names the request. So the
        header need not be trusted: forging it cannot make another sender's event a repeat.
        """
        digest = _digest(record)
        if digest in self._digests:
            return True
        self._digests[digest] = None
        if len(self._digests) > REMEMBERED:
            del self._digests[next(iter(self._digests))]
        return False

    def copy(self) -> Self:
        """An independent copy."""
        return type(self)(self._digests)

    def to_state(self) -> str:
        """The digests one after another, in base64."""
        return base64.b64encode(b"".join(self._digests)).decode("ascii")

    @classmethod
    def from_state(cls, state: object) -> Self:
        """Restore from :meth:`to_state`; format 2 had a list of hexadecimal digests.

        Raises:
            TypeError: The state has another type.
            ValueError: It holds something else.
        """
        if type(state) is list:
            return cls(map(bytes.fromhex, state))
        if type(state) is not str:
            raise TypeError("expected digests as text")
        content = base64.b64decode(state, validate=True)
        if len(content) % DIGEST_BYTES:
            raise ValueError(f"expected digests of {DIGEST_BYTES} bytes each")
        places = range(0, len(content), DIGEST_BYTES)
        return cls(content[place : place + DIGEST_BYTES] for place in places)


class WithoutIds:
    """Folds the records of a log whose events have no ids: each counts by itself.

    Only an event that was sent as a request may be known to repeat another.

    Args:
        admits: Whether a labelled row can be kept.
        repeats: The requests seen.
    """

    def __init__(self, admits: Callable[[Row], bool], repeats: Repeats) -> None:
        self._admits = admits
        self.repeats = repeats

    def fold(
        self, record: Record, decoded: Decoded, result: FoldResult, learn: Learn
    ) -> Outcome | Rejected:
        """Fold the next record; what became of it, or of the request that it repeats."""
        if type(decoded) is tuple and not self._admits(decoded):
            decoded = TOO_MANY_GAPS
        outcome = outcome_of(decoded)
        if record.headers and is_of_request(record.headers) and self.repeats.saw(record):
            return outcome
        if type(decoded) is tuple:
            learn(decoded, record.timestamp)
            result.learned += 1
        else:
            result.add(record, outcome)
        return outcome


def _digest(record: Record) -> bytes:
    """A digest of a record's key, value and headers."""
    parts = [record.key, record.value]
    for name, content in record.headers:
        parts += [name.encode(errors="surrogatepass"), content]
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        length = -1 if part is None else len(part)
        digest.update(length.to_bytes(8, "big", signed=True) + (part or b""))
    return digest.digest()
