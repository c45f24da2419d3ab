"""Users of a secured cluster, each with what deploy/acls.sh gives its part and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

from broker import EmbeddedCluster
from broker.security import ADMIN
from support.events import send_simulated
from support.service import own_names

ROOT = Path(__file__).parents[1]


class Principals:
    """The parts of one application, each as a user of its own."""

    def __init__(self, secured: EmbeddedCluster, folder: Path) -> None:
        assert secured.security is not None
        self._secured, self._security = secured, secured.security
        self.names = own_names(secured.bootstrap_servers)
        self._tool = folder / "kafka-acls.sh"
        shim = ROOT / "tests/broker/kafka_acls.py"
        run = f'PYTHONPATH="{ROOT}" exec "{sys.executable}" "{shim}" "$@"'
        self._tool.write_text(f"#!/bin/sh\n{run}\n")
        self._tool.chmod(0o755)

    def environment(self, user: str) -> dict[str, str]:
        return self._security.environment(user, self._secured.bootstrap_servers) | self.names

    def give(self, part: str, user: str, **variables: str) -> None:
        """As whoever runs the cluster does; the variables are deploy/acls.sh's."""
        command = [str(ROOT / "deploy/acls.sh"), part, f"User:{user}"]
        subprocess.run(
            [*command, "--bootstrap-server", self._secured.bootstrap_servers],
            env={**os.environ, **self.environment(ADMIN), "KAFKA_ACLS": str(self._tool)}
            | variables,
            check=True,
            cwd=ROOT,
        )

    def simulate(self, user: str, events: int) -> None:
        """Send so many events, which are made up."""
        send_simulated(self.environment(user), events)
