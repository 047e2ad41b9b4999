"""The only constructor of pipelines and their content: settings as people write them become what stages take."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from soc.anomaly.content import described
from soc.anomaly.versions import FOLDER as MODELS
from soc.anomaly.versions import Versions
from soc.anomaly.watch import Watch
from soc.core.settings import Settings, duration, zone_seconds
from soc.enrich import Enricher, Inventory, read_inventory
from soc.pipeline.content import Content, content_paths, load_content
from soc.pipeline.digest import Digester
from soc.pipeline.fingerprint import fingerprint
from soc.pipeline.mutes import MUTES_FILE, read_mutes
from soc.pipeline.normalise import Normaliser
from soc.pipeline.packs import PACKS, packs_in
from soc.pipeline.pipeline import Pipeline

CACHE = "cache"
"""The folder in the data folder where rules that were read are kept for the next start."""


def build_pipeline(
    content: Content,
    inventory: Path | None,
    *,
    zone: int,
    lateness: str = "10s",
    fold: str = "24h",
    anomaly: Watch | None = None,
) -> Pipeline:
    """A fresh pipeline. zone in seconds east of UTC; lateness and fold as durations ("10s", "24h").

    anomaly: trained models, see ``models_of``.
    """
    known = read_inventory(inventory) if inventory else Inventory.empty()
    return Pipeline(content, known, zone=zone, lateness=duration(lateness), fold=duration(fold), anomaly=anomaly)


def models_of(data: Path) -> Watch | None:
    """The promoted anomaly models of a data folder, with the shadow beside them; None if none are promoted.

    SocError if their files are not what was written.
    """
    return Versions(data).watch(described()) if (data / MODELS).is_dir() else None


def build_digester(content: Content, inventory: Path | None, *, zone: int) -> Digester:
    """The part of such a pipeline that other processes can do for it."""
    return Digester(content, read_inventory(inventory) if inventory else Inventory.empty(), zone)


def build_normaliser(inventory: Path | None, *, zone: int) -> Normaliser:
    """The parsers of such a pipeline alone, without anything remembered."""
    return Normaliser(Enricher(read_inventory(inventory) if inventory else Inventory.empty()), zone)


def content_of(settings: Settings, now: int) -> Content:
    """The rules that soc.yml asks for, as they are on disk, with the mutes in force at a time (µs).

    SettingsError if the mutes cannot be read; OSError if a folder cannot be listed.
    """
    before = fingerprint(watched(settings))
    data = Path(settings.data_dir)
    content = load_content(
        _folders(settings),
        shipped=settings.shipped_rules,
        mutes=read_mutes(_mutes(settings)),
        today=local_date(now, zone_seconds(settings.timezone)),
        cache=data / CACHE if data.is_dir() else None,
    )
    return replace(content, fingerprint=before)


def watched(settings: Settings) -> tuple[Path, ...]:
    """Every file and folder that ``content_of`` reads."""
    return content_paths(_folders(settings), shipped=settings.shipped_rules, mutes=_mutes(settings))


def local_date(now: int, zone: int) -> date:
    """The day of a time (µs) in a zone (seconds east of UTC)."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now, seconds=zone)).date()


def _folders(settings: Settings) -> list[Path]:
    """The folders that soc.yml names, and every pack that was imported."""
    return [*map(Path, settings.rules), *packs_in(Path(settings.data_dir) / PACKS)]


def _mutes(settings: Settings) -> Path:
    return Path(settings.data_dir) / MUTES_FILE
