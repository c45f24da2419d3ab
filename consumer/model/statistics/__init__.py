"""Statistics of a stream, from sufficient statistics instead of the data. Pure.

``kept`` holds a partition's statistics; ``summary`` adds partitions up; from a summary follows
``regression`` (with ``quality``), and from both what is in ``inference``.
docs/STATISTICS.md has the formulas and their sources.
"""
