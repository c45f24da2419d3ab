"""Age limits of metadata, and timeouts of requests."""

METADATA_MAX_AGE_MS = 2000
"""How often leaders are asked for: a broker that hangs keeps its connections open."""

REPLIES_METADATA_MAX_AGE_MS = 1000
"""The same, where a requester waits for the answer."""

REQUEST_TIMEOUT_MS = 5000
"""After this time a request to a broker that hangs (paused, its disk stuck) fails, and is
sent to whichever broker leads the partition by then."""
