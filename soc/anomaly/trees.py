"""An isolation forest as plain numbers: grown by scikit-learn, kept and scored without it, and never a pickle.

Score: 2^(-E[h(x)] / c(n)), h the depth at which x is alone, c(n) the mean depth of n points (Liu, Ting and Zhou,
"Isolation Forest", ICDM 2008, equations 1 and 2): 0.5 is usual, towards 1 unusual.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import msgspec

EULER = 0.5772156649015329
ROUNDING = 1 + 1e-9
"""So much deeper than a score allows a row must be to be given up: what is there by a hair is not lost."""


class Tree(msgspec.Struct, array_like=True, frozen=True):
    """Node i goes left if x[feature[i]] <= threshold[i]; a leaf has feature -2, and its depth in ``depth``."""

    feature: list[int]
    threshold: list[float]
    left: list[int]
    right: list[int]
    depth: list[float]


class Forest(msgspec.Struct, array_like=True, frozen=True):
    """Trees, and c of the number of rows that each was grown from."""

    trees: list[Tree]
    usual: float

    def score(self, row: Sequence[float], least: float = 0.0) -> float:
        """0 to 1 for one row; 0 once it is known to be below ``least``, which is mostly after a third of the trees.

        Features are compared in single precision, as scikit-learn does.
        """
        return self._of(array("f", row), least)

    def _of(self, row: array[float], least: float) -> float:
        whole = len(self.trees) * self.usual
        most = -math.log2(least) * whole * ROUNDING if least > 0 else math.inf
        total = 0.0
        for tree in self.trees:
            node, features, thresholds = 0, tree.feature, tree.threshold
            while (feature := features[node]) >= 0:
                node = tree.left[node] if row[feature] <= thresholds[node] else tree.right[node]
            total += tree.depth[node]
            if total > most:
                return 0.0
        return float(2 ** (-total / whole))


def mean_depth(rows: int) -> float:
    """c(n) of the paper: the mean depth of an unsuccessful search in a binary search tree of n points."""
    if rows <= 1:
        return 0.0
    if rows == 2:
        return 1.0
    return 2 * (math.log(rows - 1) + EULER) - 2 * (rows - 1) / rows


def grow(rows: Sequence[Sequence[float]], *, trees: int, sample: int, seed: int) -> Forest:
    """A forest of these rows, the same for the same seed. ImportError without scikit-learn."""
    import numpy
    from sklearn.ensemble import IsolationForest

    grown = IsolationForest(n_estimators=trees, max_samples=min(sample, len(rows)), random_state=seed)
    grown.fit(numpy.asarray(rows, dtype=numpy.float32))
    return Forest([_tree(one.tree_) for one in grown.estimators_], mean_depth(min(sample, len(rows))))


def _tree(tree: object) -> Tree:
    left, right = (getattr(tree, name).tolist() for name in ("children_left", "children_right"))
    rows = getattr(tree, "n_node_samples").tolist()  # noqa: B009 - scikit-learn has no types
    depth = [0.0] * len(left)
    for node in range(len(left)):  # a parent's number is smaller than its children's
        for child in (left[node], right[node]):
            if child >= 0:
                depth[child] = depth[node] + 1
    feature, threshold = (getattr(tree, name).tolist() for name in ("feature", "threshold"))
    leaves = [
        level + mean_depth(count) if own < 0 else 0.0 for level, count, own in zip(depth, rows, left, strict=True)
    ]
    return Tree(feature, threshold, left, right, leaves)
