"""Statistics of a stream, from sufficient statistics instead of the data. Pure.

``running`` holds a partition's statistics; ``summary`` adds partitions up; from a summary follow
``describe``, ``regression`` (with ``quality``) and ``diagnostics``, and from a regression
``inference``.
docs/STATISTICS.md has the formulas and their sources.
"""
