"""The follower alone, in a process of its own: what it costs to follow what others own."""

import threading
from collections.abc import Callable, Mapping

from consumer.app import App
from consumer.client import Clients, Door
from consumer.context import Context
from consumer.respond import Claim
from consumer.settings import Settings
from consumer.state import Follower


def follow(
    context: Context, clients: Clients, _door: Door, _claim: Claim
) -> Mapping[str, Callable[[threading.Event], None]]:
    """A service of one loop: it learns nothing and answers nothing."""
    follower = Follower(context, clients.changelog, b"", clients.log.partitions)
    return {"follower": follower.run}


if __name__ == "__main__":
    App(Settings.read(), follow, {}).run()
