"""Our topics: made where they are missing, checked where they are there."""
