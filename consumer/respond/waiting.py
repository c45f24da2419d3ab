"""Questions whose answer must include positions that the model does not have yet.

They are set aside, so that they hold up nobody, and looked at when the served model moves. Their
requests are not committed before they are settled: whoever takes over their partition of the
requests topic reads them again.
"""

from collections import defaultdict
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf

from kafka import TopicPartition

from consumer.decode import Bounds, RequestError, check_partitions
from consumer.model import Model, Served
from consumer.respond.pending import PendingReply
from contract.messages import ErrorCode

MAX_QUESTIONS = 10_000
MAX_BYTES = 16 * 1024 * 1024
LOOK_SECONDS = 0.005
"""How often the model is looked at while questions wait: an answer comes so much later at most."""

WAIT_SECONDS = 5.0
"""How long a question waits that has no deadline."""
MAX_WAIT_SECONDS = 60.0
"""How long one waits whose deadline is later: its request is not committed meanwhile."""
EARLY_SECONDS, EARLY_SHARE = 0.2, 0.2
"""The refusal is sent before the deadline, or the asker would not wait for it."""

ASK_SECONDS = 0.05
"""At most so often the owner of a partition is asked for a snapshot."""
ASK_AGAIN_SECONDS = 0.5
"""After so long an unanswered one is taken for lost."""


@dataclass(slots=True, eq=False)
class Question:
    """A question that waits, or has waited.

    Attributes:
        at: The partition of its request.
        bounds: The positions that its answer must include.
        until: How long it waits, in monotonic seconds.
        size: Bytes that it takes.
        answer: Sends the answer from a model.
        refuse: Sends an error.
        reply: What was sent for it.
    """

    at: TopicPartition
    bounds: Bounds
    until: float
    size: int
    answer: Callable[[Model], PendingReply]
    refuse: Callable[[RequestError], PendingReply]
    reply: PendingReply | None = None

    @property
    def settled(self) -> bool:
        """Whether its reply is delivered, or known never to be."""
        return self.reply is not None and self.reply.settled


class Waiting:
    """The questions that wait; for the client's I/O thread and the responder's, one at a time.

    Args:
        served: The model that answers.
        partitions: The events topic's partition count.
        ask: Asks the owner of a partition for a snapshot of this position.
    """

    def __init__(self, served: Served, partitions: int, ask: Callable[[int, int], None]) -> None:
        self._served = served
        self._partitions = partitions
        self._ask = ask
        self._seen: Model | None = None
        self._numbers = count()
        self._questions: dict[int, Question] = {}
        self._bytes = 0
        # Heaps; they may hold numbers of questions that wait no more. A question stands under one
        # of the partitions whose bounds are not met.
        self._under: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self._deadlines: list[tuple[float, int]] = []
        self._asked: dict[int, tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._questions)

    def widen(self, partitions: int) -> None:
        """Note that the events topic has grown."""
        self._partitions = max(self._partitions, partitions)

    def met(self, bounds: Bounds, model: Model) -> bool:
        """Whether the model has these positions.

        Raises:
            RequestError: The events topic does not have these partitions.
        """
        check_partitions(bounds, self._partitions)
        return _unmet(bounds, model) is None

    def add(self, question: Question, model: Model) -> None:
        """Set a question aside that this model does not meet.

        Raises:
            RequestError: Too many wait.
        """
        if len(self) >= MAX_QUESTIONS or self._bytes + question.size > MAX_BYTES:
            raise not_yet(question.bounds, model, "too many questions wait for theirs")
        number = next(self._numbers)
        self._questions[number] = question
        self._bytes += question.size
        heappush(self._deadlines, (question.until, number))
        self._place(number, question, model)

    def look(self, now: float) -> float:
        """Answer what the model has the positions for, and refuse what has waited too long.

        Returns:
            Seconds until it wants to be called again.
        """
        if not self._questions:
            return inf
        model = self._served.to_answer()
        if model is not self._seen:
            self._seen = model
            self._answer(model)
        while self._deadlines and self._deadlines[0][0] <= now:
            _, number = heappop(self._deadlines)
            if number in self._questions:
                self._refuse(number, model, "and the question waits no longer")
        self._compact()
        self._ask_owners(model, now)
        return LOOK_SECONDS if self._questions else inf

    def give_up(self, at: TopicPartition) -> None:
        """Refuse what waits in this partition of the requests topic: it has to be committed."""
        model = self._served.model
        for number in [it for it, question in self._questions.items() if question.at == at]:
            self._refuse(number, model, "and events sent as requests wait behind the question")

    def keep(self, ours: AbstractSet[TopicPartition]) -> None:
        """Forget what waits in other partitions: their new owners read it again."""
        for number, question in list(self._questions.items()):
            if question.at not in ours:
                self._take(number)

    def _answer(self, model: Model) -> None:
        for partition in [it for it, heap in self._under.items() if heap]:
            heap, position = self._under[partition], model.position(partition)
            while heap and heap[0][0] <= position:
                _, number = heappop(heap)
                question = self._questions.get(number)
                if question is not None and not self._place(number, question, model):
                    self._take(number).reply = question.answer(model)

    def _place(self, number: int, question: Question, model: Model) -> bool:
        """Put it under a partition whose bound is not met; whether there is one."""
        partition = _unmet(question.bounds, model)
        if partition is None:
            return False
        heappush(self._under[partition], (question.bounds[partition], number))
        return True

    def _refuse(self, number: int, model: Model, reason: str) -> None:
        question = self._take(number)
        question.reply = question.refuse(not_yet(question.bounds, model, reason))

    def _take(self, number: int) -> Question:
        question = self._questions.pop(number)
        self._bytes -= question.size
        return question

    def _compact(self) -> None:
        """Drop the numbers of questions that wait no more, where they are the most."""
        if len(self._deadlines) > 4 * len(self._questions) + 100:
            self._deadlines = [it for it in self._deadlines if it[1] in self._questions]
            heapify(self._deadlines)
            for partition, heap in self._under.items():
                self._under[partition] = [it for it in heap if it[1] in self._questions]
                heapify(self._under[partition])

    def _ask_owners(self, model: Model, now: float) -> None:
        """Ask for the lowest bound under each partition that another instance owns."""
        ours = self._served.ours()
        for partition, heap in self._under.items():
            while heap and heap[0][1] not in self._questions:
                heappop(heap)
            if not heap or partition in ours:
                continue
            wanted = heap[0][0]
            asked, asked_at = self._asked.get(partition, (-1, -inf))
            patience = ASK_SECONDS if asked != wanted else ASK_AGAIN_SECONDS
            if now - asked_at >= patience and model.position(partition) < wanted:
                self._asked[partition] = wanted, now
                self._ask(partition, wanted)


def wait_until(deadline_ms: int | None, now_ms: float, now: float) -> float:
    """Until when a question waits, in monotonic seconds.

    Args:
        deadline_ms: Its deadline, in milliseconds since the epoch, if it has one.
        now_ms: The time, likewise.
        now: The time, in monotonic seconds.
    """
    if deadline_ms is None:
        return now + WAIT_SECONDS
    left = max(0.0, (deadline_ms - now_ms) / 1000)
    return now + min(left - min(EARLY_SECONDS, EARLY_SHARE * left), MAX_WAIT_SECONDS)


def not_yet(bounds: Bounds, model: Model, reason: str) -> RequestError:
    """The refusal of a question whose bounds are not met, with the positions reached."""
    reached = {number: model.position(number) for number in sorted(bounds)}
    sentence = f"the model does not have these positions yet, {reason}; ask again"
    return RequestError(ErrorCode.NOT_YET, sentence, reached)


def _unmet(bounds: Bounds, model: Model) -> int | None:
    """A partition whose bound the model does not meet; None if it meets all."""
    return next((it for it, bound in bounds.items() if model.position(it) < bound), None)
