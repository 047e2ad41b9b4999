"""A connector's contract; every one passes tests/engines/connectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class NotDone(Exception):
    """The action was surely not done: refused, or nothing was sent."""


class Doubtful(Exception):
    """The action may have been done: the connection broke after it was sent."""


class Connector(Protocol):
    """One kind of action. It keeps nothing in memory between calls, and takes at most about ten seconds."""

    def act(self, parameters: Mapping[str, str], key: str) -> str:
        """Does it under this key, and says what was done. NotDone or Doubtful say why not."""

    def done(self, key: str) -> bool | None:
        """Was the action of this key done? None: it cannot be found out. NotDone or Doubtful: not now."""


TIMEOUT = 10.0
"""Seconds that a server may be silent."""
