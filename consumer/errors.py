"""Errors that end the service, with a sentence for its operator."""

NEW_ID = "Choose a new APPLICATION_ID, which relearns from the log as it is"


class StateError(Exception):
    """The saved state does not match the log; the message says how, and what to do."""


class LoopDiedError(Exception):
    """A loop ended with an exception: its reason ends the process."""
