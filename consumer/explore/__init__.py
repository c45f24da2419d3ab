"""Before the service runs: a model file from a sample of the topic, and what one would mean.

``members`` finds what stands in events, ``observed`` says what a member is, ``suggest`` writes a
model file; all pure. ``sample`` reads the topics, ``check`` compares with the saved state.
"""

from consumer.explore.check import check
from consumer.explore.sample import ExploreError, sample, saved
from consumer.explore.suggest import suggest

__all__ = ["ExploreError", "check", "sample", "saved", "suggest"]
