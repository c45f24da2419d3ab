"""What may be concluded from a fitted regression, beyond the textbook's table. Pure."""
