"""Anomaly models: mergeable features per entity and time bucket, a baseline, and what is unlike it."""
