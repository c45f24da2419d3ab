"""Events in, the model out: the learner's loop, and what it needs of its group.

May import ``state``, ``context`` and the layers below (``pyproject.toml``, import-linter), but not
``respond``.
"""

from consumer.learn.dead_letters import DeadLetters
from consumer.learn.demand import Demand
from consumer.learn.loop import Learner
from consumer.learn.predictions import Predictions

__all__ = ["DeadLetters", "Demand", "Learner", "Predictions"]
