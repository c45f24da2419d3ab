"""The service: events in, a model that follows them, predictions out.

The data's way: ``poll`` -> ``decode`` -> ``partition`` (predict, score, learn) -> ``model`` (the
sum over the partitions) -> ``answer``. Those from ``decode`` to ``answer`` are pure; ``app`` shows
the loops and the order of a commit.
"""
