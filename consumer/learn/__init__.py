"""Events in, the model out: the learner's loop, and what it needs of its group.

May know the state, the context and what is below; nothing of who asks.
"""

from consumer.learn.dead_letters import DeadLetters
from consumer.learn.loop import Learner

__all__ = ["DeadLetters", "Learner"]
