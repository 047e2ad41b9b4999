"""State by entity with a bound: whoever was longest unseen is forgotten first, and that is counted."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Kept = TypeVar("Kept")


class Entities(Generic[Kept]):
    """At most ``size`` entities, in the order in which they were last touched."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, entity: str) -> Kept | None:
        return self._kept.get(entity)

    def touch(self, entity: str, make: Callable[[], Kept]) -> Kept:
        """The entity's state, made if there is none; it is now the one seen last."""
        found = self._kept.get(entity)
        if found is None:
            found = self._kept[entity] = make()
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
                self.forgotten += 1
        else:
            self._kept.move_to_end(entity)
        return found

    def items(self) -> list[tuple[str, Kept]]:
        return list(self._kept.items())

    def restore(self, items: Iterable[tuple[str, Kept]]) -> None:
        self._kept = OrderedDict(items)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
            self.forgotten += 1
