"""What crosses the broker: topics, messages, schemas, golden examples, and the environment's names.

A leaf: it imports nothing of ours, so that the consumer and the producer never import each other,
and other languages read the same truth from the JSON files beside these modules.
"""
