"""The brokers of a cluster, ready to be started: their folders, addresses and settings.

DIR/cluster-id     written before the first broker's folder is formatted, and kept for good
DIR/broker-1/      a broker's folder, as of a single broker (see `folder.py`)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from broker import ports
from broker.embedded import EmbeddedKafka
from broker.errors import DataFolderError
from broker.folder import new_cluster_id
from broker.quorum import Addresses, replication
from broker.security import Security

_DYING_S = 2.0  # how long the previous Java may take to end


@dataclass(frozen=True, slots=True)
class Plan:
    """The configuration of a cluster."""

    brokers: int
    host: str
    port: int
    """Where clients connect to broker 1; 0 for free ports."""
    properties: Mapping[str, str]
    security: Security | None

    def addresses(self) -> Addresses:
        """Where the brokers will listen: on ports that follow the first, or are free now.

        Raises:
            PortTakenError: the host isn't an address of this machine, or a port is taken.
        """
        client = ["SASL_SSL", "SSL"] if self.security else ["PLAINTEXT"]
        names = [*client, "CONTROLLER"]
        chosen = ports.free_ports(self.host, len(names) * self.brokers)
        if self.port:
            fixed = range(self.port, self.port + len(client) * self.brokers)
            for port in fixed:
                ports.wait_until_free(self.host, port, timeout_s=_DYING_S)
            chosen = [*fixed, *[port for port in chosen if port not in fixed][: self.brokers]]
        return Addresses(
            self.host,
            {
                name: chosen[index * self.brokers : (index + 1) * self.brokers]
                for index, name in enumerate(names)
            },
        )


def members(folder: Path, plan: Plan, addresses: Addresses) -> dict[int, EmbeddedKafka]:
    """Number -> broker, each with its folder; none runs yet.

    Args:
        folder: made if need be; a cluster whose records are there is continued.
        plan: the configuration of the cluster.
        addresses: where the brokers will listen.

    Raises:
        DataFolderError: the folder is of something else than a cluster of so many brokers.
        BrokerError: the keys of a secured cluster can't be made.
        OSError: a folder can't be written.
    """
    _refuse_another(folder, plan.brokers)
    formatting = _identity(folder, plan.security)
    properties = replication(plan.brokers)
    if plan.security:
        properties |= plan.security.properties()
    return {
        number: EmbeddedKafka(
            addresses.port(number),
            _own_folder(folder, number, plan),
            plan.host,
            {**properties, **addresses.of(number), **plan.properties},
            formatting=formatting,
        )
        for number in range(1, plan.brokers + 1)
    }


def _refuse_another(folder: Path, brokers: int) -> None:
    """Raise if the folder is of a single broker, or of a cluster of another size."""
    if (folder / "kafka").exists():
        raise DataFolderError(f"The data folder {folder} is of a single broker, not of a cluster.")
    found = len(list(folder.glob("broker-*")))
    if found not in (0, brokers):
        raise DataFolderError(
            f"The data folder {folder} is of a cluster of {found}, not {brokers}."
        )


def _identity(folder: Path, security: Security | None) -> list[str]:
    """StorageTool's arguments: the cluster's id, and the users of a secured one."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "cluster-id"
    known = file.read_text().strip() if file.exists() else None
    chosen = security.prepare(known) if security else known or new_cluster_id()
    if known is None:
        file.write_text(f"{chosen}\n")
    return ["--cluster-id", chosen, *(security.first_users() if security else [])]


def _own_folder(folder: Path, number: int, plan: Plan) -> Path:
    """A broker's folder, with the keys that a secured one needs."""
    own = folder / f"broker-{number}"
    own.mkdir(exist_ok=True)
    if plan.security:
        plan.security.equip(own, plan.host)
    return own
