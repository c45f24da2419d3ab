"""The settings of a broker in a cluster: its number, its addresses, and replication.

Each is a controller too, so that brokers and metadata survive the loss of the same minority.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# New leaders stand 1.8 s after a broker's death, 3.0 s if it was the active controller: its
# successor counts heartbeats from its own start.  With Kafka's 2 s, 1 s and 1 s it takes 2.1 s,
# and 3.9 to 5.5.
_QUORUM = {
    "controller.quorum.fetch.timeout.ms": "1000",
    "controller.quorum.election.timeout.ms": "500",
    "controller.quorum.election.backoff.max.ms": "500",
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """One host, and the ports of all brokers on it, in the order of their numbers."""

    host: str
    listeners: Mapping[str, Sequence[int]]
    """Listener, CONTROLLER among them -> ports."""

    def servers(self, listener: str) -> str:
        """HOST:PORT[,HOST:PORT...] of a listener."""
        return ",".join(f"{self._bracketed}:{port}" for port in self.listeners[listener])

    def port(self, number: int) -> int:
        """Where clients connect to a broker: the first of its listeners."""
        return next(iter(self.listeners.values()))[number - 1]

    def of(self, number: int) -> dict[str, str]:
        """A broker's properties that say where it and its quorum listen.

        Args:
            number: from 1: Kafka's node.id.
        """
        own = {
            name: f"{name}://{self._bracketed}:{ports[number - 1]}"
            for name, ports in self.listeners.items()
        }
        voters = enumerate(self.servers("CONTROLLER").split(","), 1)
        return {
            "node.id": str(number),
            "controller.quorum.voters": ",".join(f"{voter}@{server}" for voter, server in voters),
            "listeners": ",".join(own.values()),
            "advertised.listeners": ",".join(own[name] for name in own if name != "CONTROLLER"),
        }

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def replication(brokers: int) -> dict[str, str]:
    """The properties of a broker among so many: at most 3 replicas, one of which may be missing."""
    replicas, in_sync = str(min(3, brokers)), str(max(1, min(3, brokers) - 1))
    return {
        **_QUORUM,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
    }
