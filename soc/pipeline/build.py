"""The only constructor of pipelines: settings as people write them, turned into the values that stages take."""

from __future__ import annotations

from pathlib import Path

from soc.core.settings import duration
from soc.enrich import Inventory, read_inventory
from soc.pipeline.content import Content
from soc.pipeline.pipeline import Pipeline


def build_pipeline(
    content: Content,
    inventory: Path | None,
    *,
    zone: int,
    lateness: str = "10s",
    fold: str = "24h",
) -> Pipeline:
    """A fresh pipeline. zone in seconds east of UTC; lateness and fold as durations ("10s", "24h")."""
    known = read_inventory(inventory) if inventory else Inventory.empty()
    return Pipeline(content, known, zone=zone, lateness=duration(lateness), fold=duration(fold))
