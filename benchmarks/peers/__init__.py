"""What users would otherwise write: each module is one program that learns from every event.

All do the same work with an event (`work.py`) and read the same topic in a fresh group (from the
folder `benchmarks/`):

    python -m peers.MODULE SERVERS TOPIC WARM_UP TOTAL GROUP LIMIT
"""
