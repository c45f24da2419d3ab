"""The service as a whole: which loops there are, how they start, and how they end.

The main thread waits for Kafka, has the topics made, starts the loops (``wiring``: the learner, the
follower, the responder, the watch), and waits for a signal or for the first that dies.

The model goes from the learner to the responder as frozen views behind one reference
(consumer/model/served.py): neither ever waits for the other.
"""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from functools import partial
from time import monotonic

import structlog
from kafka.errors import (
    AuthorizationError,
    FencedInstanceIdError,
    KafkaConfigurationError,
    KafkaError,
)

from consumer.client import (
    ABOUT_START,
    Clients,
    Door,
    NotAllowedError,
    Permissions,
    Precedence,
    connections,
    forbidden,
    open_clients,
)
from consumer.context import Context, spans_asked_for
from consumer.errors import LoopDiedError, StateError
from consumer.model import Served
from consumer.respond import Claim
from consumer.settings import Settings
from consumer.telemetry import (
    ChallengerCollector,
    FaultKind,
    Health,
    Telemetry,
    Web,
    guard,
    not_ready,
    silent_loops,
    versions,
)

RETRY_SECONDS = 0.5
WATCHDOG_SECONDS = 1.0
SWITCH_SECONDS = 0.0005
"""How long the learner may hold the interpreter while the responder waits (Python's 5 ms are too
long: a round trip takes several turns)."""

Wire = Callable[[Context, Clients, Door, Claim], Mapping[str, Callable[[threading.Event], None]]]
"""Gives the loops by name: each runs in a thread of its own until told to stop."""

log = structlog.get_logger()


class App:
    """The service.

    Args:
        settings: All of them.
        wire: Puts the loops together; see ``wiring.wire``.
        unsaid: How many lines the log has passed over, by event.

    Raises:
        OSError: The HTTP port cannot be listened on.
    """

    def __init__(self, settings: Settings, wire: Wire, unsaid: Mapping[str, int]) -> None:
        self._settings = settings
        self._wire = wire
        self._stop = threading.Event()
        self._ended = threading.Event()  # told to stop, or a loop died
        self._death: BaseException | None = None
        self._health = Health(3 * settings.checkpoint_interval_ms / 1000)
        self._door = Door(settings, self._health.faults)
        self._permissions = Permissions(settings, self._health.faults)
        self._claim = Claim(settings, self._health)
        self._precedence = Precedence()
        self._served = Served(settings.spec)
        self._telemetry = Telemetry(self._served, _info(settings))
        self._telemetry.watch_health(self._health)
        self._telemetry.watch_log(unsaid)
        compared = ChallengerCollector(self._served, settings.planned_events)
        self._telemetry.registry.register(compared)
        self._spans = spans_asked_for(settings)
        self.web = Web(
            settings.http_host,
            settings.http_port,
            self._telemetry.registry,
            alive=lambda: silent_loops(self._health.beats, now=monotonic()),
            ready=lambda: not_ready(self._health, now=monotonic()),
            guard=guard(
                settings.http_tls_certfile,
                settings.http_tls_keyfile,
                settings.http_token,
                self._health.faults,
            ),
        )

    def stop(self) -> None:
        """Ask the service to end; may be called from a signal handler."""
        self._stop.set()
        self._ended.set()

    def run(self) -> None:
        """Serve until told to stop.

        Raises:
            LoopDiedError: A loop died; the reason is its cause.
            TopicError: A topic cannot be used as it is.
        """
        sys.setswitchinterval(SWITCH_SECONDS)
        with ExitStack() as stack:
            if self._spans is not None:
                stack.callback(self._spans.close)
            stack.callback(self.web.close)
            stack.callback(self._leave)
            clients = self._connect(stack)
            if clients is None:
                return
            threads = self._start(clients)
            if self._settings.learner == "sgd" and clients.log.partitions > 1:
                log.warning(
                    "LEARNER=sgd: the weights of several partitions do not add up; answers are "
                    "from their average, which has no meaning where the partitions differ",
                    partitions=clients.log.partitions,
                )
            log.info("serving", http_port=self.web.port, formula=str(self._settings.spec.formula))
            self._wait()
            self._stop.set()
            for thread in threads:
                thread.join()
        if self._death is not None:
            raise LoopDiedError(_reason(self._death)) from self._death

    def _wait(self) -> None:
        """Until told to stop or a loop dies; a loop that hangs ends the process at once.

        A process that was itself suspended forgives its loops until they had time to turn.
        """
        turned = monotonic()
        while not self._ended.wait(WATCHDOG_SECONDS):
            now = monotonic()
            if now - turned > 2 * WATCHDOG_SECONDS:
                for loop in self._health.beats:
                    self._health.beat(loop, now=now)
            turned = now
            if silent := silent_loops(self._health.beats, now=now):
                log.critical("ended", reason="; ".join(silent))
                os._exit(1)  # the loop cannot be told to stop, and nothing unsaved is lost

    def _leave(self) -> None:
        """Hand our partitions over at once: a static member that just goes is waited for."""
        if not self._health.kafka or isinstance(self._death, FencedInstanceIdError):
            return
        try:
            with closing(connections.admin(self._settings)) as admin:
                connections.leave(admin, self._settings, "learner", "responder")
                self._claim.retract(admin)
        except KafkaError as error:
            log.warning("groups not left; they notice by themselves", error=repr(error))

    def _connect(self, stack: ExitStack) -> Clients | None:
        """Wait for Kafka, make the topics, open the clients; None when told to stop meanwhile."""
        waiting = False
        while not self._stop.is_set():
            self._health.beat("main", now=monotonic())
            try:
                with ExitStack() as opened:
                    clients = open_clients(
                        self._settings, self._precedence, self._permissions, opened
                    )
                    stack.push(opened.pop_all())
            except AuthorizationError as error:
                self._door.opened()  # Kafka let us in to say so
                self._health.kafka = True
                named = isinstance(error, NotAllowedError)
                sentence = error.sentence if named else forbidden(error, "the service waits")
                self._health.faults.saw(ABOUT_START, FaultKind.PERMISSION, sentence)
                self._stop.wait(RETRY_SECONDS)
            except KafkaError as error:
                if isinstance(error, KafkaConfigurationError):
                    raise
                if not waiting:
                    log.warning(
                        "waiting for Kafka",
                        error=repr(error),
                        bootstrap_servers=self._settings.kafka_bootstrap_servers,
                    )
                waiting = True
                self._door.shut(error)
                self._stop.wait(RETRY_SECONDS)
            else:
                self._door.opened()
                self._health.faults.over(ABOUT_START)
                del self._health.beats["main"]
                self._health.kafka = True
                return clients
        return None

    def _start(self, clients: Clients) -> list[threading.Thread]:
        context = Context(
            self._settings,
            self._served,
            self._telemetry,
            self._health,
            self._precedence,
            self._permissions,
            self._spans,
        )
        loops = self._wire(context, clients, self._door, self._claim)
        return [self._thread(name, partial(run, self._stop)) for name, run in loops.items()]

    def _thread(self, name: str, run: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                run()
            except BaseException as death:  # whatever it is, the process ends with it
                if not isinstance(death, StateError | FencedInstanceIdError):
                    log.exception("a loop died", loop=name)
                self._death = self._death or death
            finally:
                self._ended.set()

        thread = threading.Thread(target=guarded, name=name)
        thread.start()
        return thread


def _reason(death: BaseException) -> str:
    """What a loop died of; a fault that has a name says what to do."""
    if isinstance(death, FencedInstanceIdError):
        return "another process runs under our INSTANCE_ID and has our place: give each its own"
    return str(death) if isinstance(death, StateError) else repr(death)


def _info(settings: Settings) -> dict[str, str]:
    build = versions()
    ours = {name: build[name] for name in ("version", "river", "python")}
    return {**ours, "formula": str(settings.spec.formula), "learner": settings.learner}
