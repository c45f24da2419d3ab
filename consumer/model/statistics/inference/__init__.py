"""What is read off a summary, or off a fitted regression beyond the textbook's table. Pure."""
