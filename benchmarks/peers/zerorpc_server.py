"""ZeroRPC, what the service grew from: a server that gives back what it gets.

python -m peers.zerorpc_server PORT LIMIT
"""

import signal
import sys
from typing import Any

import zerorpc  # type: ignore[import-not-found]


class Echo:
    """The methods that may be called."""

    def predict(self, features: dict[str, Any]) -> dict[str, Any]:
        """The features, as they came."""
        return features


def main() -> None:
    """Serve until stopped."""
    port, limit = sys.argv[1:]
    signal.alarm(int(limit))
    server = zerorpc.Server(Echo())
    server.bind(f"tcp://127.0.0.1:{port}")
    server.run()


if __name__ == "__main__":
    main()
