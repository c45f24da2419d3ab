"""How the model outlives the process: snapshots in the changelog, and what a partition starts from.

May know the context and what is below; nothing of the loops that learn and answer.
"""

from consumer.state.changelog import Changelog
from consumer.state.follower import Follower

__all__ = ["Changelog", "Follower"]
