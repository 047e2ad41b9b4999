"""Brings in rules that others write: from a folder, an archive or an address, as a pack with a manifest."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import msgspec

from soc.core.errors import SocError
from soc.engines.fetch import fetch, is_address
from soc.engines.unpack import MAX_ARCHIVE, Unpacked, read_folder, unpack
from soc.pipeline.packs import Former, Manifest, digests, install, read_manifest

_ENDINGS = re.compile(r"(\.tar)?\.(zip|gz|tgz|xz|txz|zst|tar)$", re.IGNORECASE)


class Brought(msgspec.Struct, frozen=True):
    """A source that was read, and the version of the pack that it would take the place of."""

    source: str
    pack: Path
    unpacked: Unpacked
    before: Manifest | None

    @property
    def same(self) -> bool:
        """Whether the pack holds exactly these files already."""
        return self.before is not None and self.before.files == digests(self.unpacked.files)


def bring(source: str, pack: Path | None, packs: Path, checksum: str = "") -> Brought:
    """Reads a source, all in memory, and writes nothing. SocError says what is wrong with it.

    pack      where it goes; None: below packs, by the source's name
    checksum  "sha256:<hex>" that the archive (or the folder's listing) must have
    """
    found = _read(source)
    kind, _, wanted = checksum.partition(":")
    if checksum and (kind != "sha256" or wanted.lower() != found.sha256):
        raise SocError(source, "the checksum is sha256:{found}, not {checksum}", found=found.sha256, checksum=checksum)
    place = pack or packs / pack_name(source)
    return Brought(source, place, found, read_manifest(place))


def put(brought: Brought, now: str) -> Manifest:
    """Installs what was brought. now: an ISO time."""
    before = brought.before
    manifest = Manifest(
        source=brought.source,
        sha256=brought.unpacked.sha256,
        installed=now,
        files=digests(brought.unpacked.files),
        kept_out=dict(sorted(brought.unpacked.kept_out.items())),
        previous=Former(before.source, before.sha256, before.installed) if before else None,
    )
    try:
        install(brought.pack, brought.unpacked.files, manifest)
    except OSError as error:
        raise SocError(brought.pack, error.strerror or error) from error
    return manifest


def pack_name(source: str) -> str:
    """What a pack is called when nobody says: the source's last part, without ".tar.gz" and the like."""
    last = unquote(PurePosixPath(urlsplit(source).path).name) if is_address(source) else Path(source).resolve().name
    name = re.sub(r"[^\w.-]+", "-", _ENDINGS.sub("", last)).strip(".-")
    return name or "pack"


def _read(source: str) -> Unpacked:
    if is_address(source):
        return unpack(source, fetch(source, MAX_ARCHIVE))
    if "://" in source:
        raise SocError(source, "only http and https addresses are taken")
    path = Path(source)
    if path.is_dir():
        return read_folder(path)
    try:
        with path.open("rb") as opened:
            raw = opened.read(MAX_ARCHIVE + 1)
    except OSError as error:
        raise SocError(path, error.strerror) from error
    if len(raw) > MAX_ARCHIVE:
        raise SocError(path, "larger than {number} MiB", number=MAX_ARCHIVE // 1024 // 1024)
    return unpack(source, raw)
