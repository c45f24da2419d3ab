"""Quix Streams, exactly-once: every commit a transaction."""

from peers import quix

if __name__ == "__main__":
    quix.main("exactly-once")
