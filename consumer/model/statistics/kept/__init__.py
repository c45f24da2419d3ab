"""What is kept of a partition's labelled events: a small, immutable value that adds up. Pure.

May know ``factor`` beside it, and nothing of the regressions that are made of it.
"""
