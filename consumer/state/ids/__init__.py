"""How what is remembered of ids outlives the process: sealed segments in the changelog.

Each is a record of its own, keyed by its partition and the offset that it begins at, and written
once: its content follows from the log, so that whoever writes it writes the same. A regression is
sent after the segments before it are acknowledged; so where a valid one is, its segments are too.
"""
