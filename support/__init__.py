"""Real programs in processes of their own: for tests, benchmarks and the demo, not for users."""
