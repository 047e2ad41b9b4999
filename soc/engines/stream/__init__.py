"""The distributed engine: Faust workers on Kafka. Start with ``guard.py``, which says what Faust gets wrong."""
