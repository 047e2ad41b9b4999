"""What there is to do on a server, as values that ``soc index apply`` shows and soc.stores.elasticsearch_apply does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

Verdict = Literal["create", "change", "unchanged", "unavailable"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)

LIFECYCLE: Final = "lifecycle"
COMPONENT: Final = "component template"
TEMPLATE: Final = "index template"
INDEX: Final = "index"
TYPE: Final = "field type"
KINDS: Final = (LIFECYCLE, COMPONENT, TEMPLATE, INDEX, TYPE)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing on the server. body is what it is to be; "unavailable" says that this server has no such thing."""

    kind: str
    name: str
    verdict: Verdict
    body: dict[str, Any]


def to_do(steps: Sequence[Step]) -> list[Step]:
    """The steps that change something."""
    return [step for step in steps if step.verdict in ("create", "change")]
