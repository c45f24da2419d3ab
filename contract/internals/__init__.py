"""The private parts of kafka-python 3.0.12 that the consumer and the producer share.

Neither side may import the other, and both connect to Kafka the same way. So this half of the wall
stands in ``contract``; what only the service needs is in ``consumer.client.internals``. No other
module of ours imports a private module of kafka-python or reads a private attribute of it:
import-linter and ``tests/unit/test_wall.py`` enforce that.

Only ``contract`` and ``consumer.client.internals`` may import this package. The producer's programs
get its connections as an option (``Login.client_options``).
"""
