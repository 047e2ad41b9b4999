"""Trained models on disk: ``<data_dir>/anomaly/<version>/<model>.state``, compressed by zlib, and ``about.json``; one
version is promoted and one is the shadow. A version is written whole or not at all, and never changed.
"""

from __future__ import annotations

import os
import re
import shutil
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from soc.anomaly.content import Described
from soc.anomaly.train import Trained
from soc.anomaly.watch import Watch, Watched
from soc.core.errors import SocError
from soc.core.ids import content_id

FOLDER = "anomaly"
PROMOTED, SHADOW = "promoted", "shadow"


class BadVersion(SocError):
    """A version that is not there, or whose files are not what was written."""


class About(msgspec.Struct, frozen=True):
    """What a version is. Times in µs; digests: of each model's file; rules: hash of the content it was made from."""

    version: str
    trained: int
    since: int
    middle: int
    until: int
    partials: int
    budget: float
    thresholds: dict[str, float]
    candidates: dict[str, int]
    alerts: dict[str, int]
    rate: float
    digests: dict[str, str]
    rules: dict[str, str]


class Versions:
    """The folder of versions."""

    def __init__(self, data: Path) -> None:
        """data: the data folder."""
        self._folder = data / FOLDER

    def write(self, trained: Trained, content: Mapping[str, Described], now: int) -> About:
        """A new version, which is the shadow from now on. The same training gives the same version."""
        files = {name: model.save() for name, model in trained.models.items()}
        digests = {name: _digest(raw) for name, raw in files.items()}
        parts = [*digests.values(), *(f"{name} {level!r}" for name, level in trained.thresholds.items())]
        about = About(
            version=content_id([str(trained.until), *parts], size=6),
            trained=now,
            since=trained.since,
            middle=trained.middle,
            until=trained.until,
            partials=trained.partials,
            budget=trained.budget,
            thresholds=trained.thresholds,
            candidates=trained.candidates,
            alerts=trained.alerts,
            rate=trained.rate,
            digests=digests,
            rules={name: one.info.hash for name, one in content.items()},
        )
        target = self._folder / about.version
        if not target.is_dir():
            draft = self._folder / f".{about.version}.{os.getpid()}"
            draft.mkdir(parents=True)
            try:
                for name, raw in files.items():
                    (draft / f"{name}.state").write_bytes(zlib.compress(raw, 9))
                (draft / "about.json").write_bytes(msgspec.json.format(msgspec.json.encode(about)))
                draft.rename(target)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        self._point(SHADOW, about.version)
        return about

    def promote(self, version: str | None = None) -> About:
        """Makes a version (None: the shadow) the one whose alerts count. BadVersion if it is not there or not whole."""
        chosen = version or self.named(SHADOW)
        if not chosen:
            raise BadVersion("there is no shadow version; soc anomaly train makes one")
        about = self.about(chosen)
        for name in about.digests:
            self._file(about, name)
        self._point(PROMOTED, chosen)
        if self.named(SHADOW) == chosen:
            (self._folder / SHADOW).unlink()
        return about

    def all(self) -> list[About]:
        """Every version, the latest trained first."""
        found = [self.about(path.parent.name) for path in self._folder.glob("[0-9a-f]*/about.json")]
        return sorted(found, key=lambda about: (-about.trained, about.version))

    def named(self, role: str) -> str:
        """The version that is PROMOTED or SHADOW; "" for none."""
        try:
            return (self._folder / role).read_text("utf-8").strip()
        except FileNotFoundError:
            return ""

    def about(self, version: str) -> About:
        if not re.fullmatch("[0-9a-f]{12}", version):
            raise BadVersion(version, "no version")
        path = self._folder / version / "about.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=About)
        except (OSError, msgspec.DecodeError) as error:
            raise BadVersion(path, error) from error

    def watch(self, content: Mapping[str, Described]) -> Watch | None:
        """The promoted version at work with the shadow beside it; None if none is promoted."""
        promoted, shadow = self.named(PROMOTED), self.named(SHADOW)
        beside = self.alone(shadow, content) if shadow else None
        return Watch(self._watched(promoted, content), beside, promoted) if promoted else None

    def alone(self, version: str, content: Mapping[str, Described]) -> Watch:
        """One version at work, for looking at it."""
        return Watch(self._watched(version, content), version=version)

    def _watched(self, version: str, content: Mapping[str, Described]) -> list[Watched]:
        about, found = self.about(version), []
        for name, one in content.items():
            if name not in about.digests:
                continue
            model = one.make()
            try:
                model.load(self._file(about, name))
            except msgspec.DecodeError as error:
                raise BadVersion(version, name, error) from error
            found.append(Watched(model, one.info, about.thresholds[name]))
        return found

    def _file(self, about: About, name: str) -> bytes:
        path = self._folder / about.version / f"{name}.state"
        try:
            compressed = path.read_bytes()
        except OSError as error:
            raise BadVersion(path, error.strerror) from error
        with suppress(zlib.error):
            inflating = zlib.decompressobj()
            raw = inflating.decompress(compressed)
            if _digest(raw) == about.digests[name] and not inflating.unused_data:
                return raw
        raise BadVersion(path, "is not what was written")

    def _point(self, role: str, version: str) -> None:
        draft = self._folder / f".{role}.{os.getpid()}"
        draft.write_text(version + "\n", "utf-8")
        draft.replace(self._folder / role)


def _digest(raw: bytes) -> str:
    return content_id([raw.hex()])
