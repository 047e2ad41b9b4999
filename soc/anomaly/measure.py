"""How good scores are: the area under the ROC curve, and the recall at a false positive rate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby


def auc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """The chance that an anomaly scores above a normal row, ties half (Mann-Whitney U).

    ValueError if all rows are of one class.
    """
    positives = sum(labels)
    negatives = len(labels) - positives
    if not positives or not negatives:
        raise ValueError("labels of both classes are needed")
    below, won = 0, 0.0
    for _, tied in groupby(sorted(zip(scores, labels, strict=True)), key=lambda pair: pair[0]):
        group = [label for _, label in tied]
        up, down = sum(group), len(group) - sum(group)
        won += up * (below + down / 2)
        below += down
    return won / (positives * negatives)


def recall_at(scores: Sequence[float], labels: Sequence[bool], rate: float = 0.01) -> float:
    """The greatest share of anomalies above a threshold that at most ``rate`` of the normal rows reach."""
    positives = sum(labels)
    negatives = len(labels) - positives
    if not positives or not negatives:
        raise ValueError("labels of both classes are needed")
    caught = false = best = 0
    ordered = sorted(zip(scores, labels, strict=True), key=lambda pair: -pair[0])
    for _, tied in groupby(ordered, key=lambda pair: pair[0]):
        group = [label for _, label in tied]
        caught, false = caught + sum(group), false + len(group) - sum(group)
        if false > rate * negatives:
            break
        best = caught
    return best / positives
