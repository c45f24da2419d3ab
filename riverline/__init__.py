"""The distribution's one import package.

In the tree it holds the commands alone. The wheel installs `contract`, `broker`, `consumer` and
`producer` inside it (`deploy/wheel.py`): `from riverline.producer import PredictionClient`.
"""
