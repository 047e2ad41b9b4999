"""The distributed engine: the pipeline's halves on Kafka, carried by Faust."""
