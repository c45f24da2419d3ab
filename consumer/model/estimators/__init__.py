"""What learns: river's regressions, behind one protocol; river's private arrays stay in here."""
