"""Formulas that are learned beside the model's own, and compared with it on the same events.

``comparison`` has the errors of both and what follows from them, ``challenger`` one formula in one
partition.
"""
