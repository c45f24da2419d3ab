"""How long our clients believe what they know, and wait for who does not answer."""

METADATA_MAX_AGE_MS = 2000
"""Who leads is asked so often: a broker that hangs breaks no connection, and nothing else tells."""

REPLIES_METADATA_MAX_AGE_MS = 1000
"""The same where somebody waits for an answer."""

REQUEST_TIMEOUT_MS = 5000
"""A broker that hangs (paused, its disk stuck) breaks no connection: so long what was sent to it
waits, then it goes to who leads by now."""
