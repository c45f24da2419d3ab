"""Everything that touches a private part of kafka-python 3.0.12, and nothing else does.

May know the protocols of what we use, and what is decoded.
"""
