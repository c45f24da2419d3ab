"""River's regressions behind one protocol; only this package touches river's private arrays."""
