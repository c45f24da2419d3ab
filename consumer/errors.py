"""What ends the service, with a sentence for whoever runs it."""

NEW_ID = "Choose a new APPLICATION_ID, which relearns from the log as it is"


class StateError(Exception):
    """The saved state and the log do not fit together; says how, and what to do."""
