"""Statistics of a stream, without keeping it: exact sums, and what follows from them. Pure.

``running`` is what a partition keeps; ``summary`` adds partitions up; from a summary come
``describe``, ``regression`` (with ``quality``) and ``diagnostics``. docs/STATISTICS.md has the
formulas and their sources.
"""
