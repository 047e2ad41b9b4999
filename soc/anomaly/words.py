"""The words in which models give their reasons; each has its Vietnamese entry, and screens show that."""

from __future__ import annotations

WORDS = {
    "score of the model": "all: threshold (baseline), then score (value)",
    "usually": "how a reason compares: usually 12, was 340",
    "at most": "how a reason compares: at most 3, was 9",
    "events in 10 min": "rate",
    "standard deviations above": "rate, breadth",
    "buckets known of this host": "rate, breadth",
    "hosts contacted in 10 min": "breadth, forest",
    "ports contacted in 10 min": "breadth, forest",
    "share of failures": "forest",
    "share of denied": "breadth, forest",
    "bytes sent in 10 min": "forest",
    "bytes received in 10 min": "forest",
    "events for each host contacted": "forest",
    "bytes sent for each event": "forest",
    "share of bytes sent": "forest",
    "regularity of calls": "beacon",
    "seconds between calls": "beacon",
    "hosts that call the same peer": "beacon",
}
"""Each word, and who says it."""
