"""Labels that come later than their events, and events that come again; pure."""
