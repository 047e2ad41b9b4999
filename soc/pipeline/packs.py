"""Rule packs: rules that others write, brought in as a whole, each version with a manifest, replaced in one rename.

A pack is a link, ``packs/sigma``, to its version, ``packs/.sigma/<digest>``, which has a manifest.json. What is
ours (filters, mutes, lists) lies elsewhere, so a new version cannot touch it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from soc.core.errors import SocError

MANIFEST = "manifest.json"
PACKS = "packs"
"""The folder of packs in the data folder; all that is in it is loaded."""


class Former(msgspec.Struct, frozen=True):
    """The version that a version took the place of."""

    source: str
    sha256: str
    installed: str


class Manifest(msgspec.Struct, frozen=True):
    """What a version is and where it is from.

    source     the path or address it was imported from
    sha256     of the archive; of a folder, of its files' names and digests
    installed  ISO time
    files      path within the pack -> sha256
    kept_out   why -> how many files of the source are not in the pack
    """

    source: str
    sha256: str
    installed: str
    files: dict[str, str]
    kept_out: dict[str, int] = {}
    previous: Former | None = None


def packs_in(folder: Path) -> tuple[Path, ...]:
    """The packs that lie in a folder, by name."""
    if not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.iterdir() if path.is_symlink() and (path / MANIFEST).is_file()))


def in_pack(path: str) -> bool:
    """Whether a file is part of a pack: what is wrong with it is for its makers to mend."""
    return any(parent.is_symlink() and (parent / MANIFEST).is_file() for parent in Path(path).parents)


def read_manifest(pack: Path) -> Manifest | None:
    """A pack's manifest; None where nothing is. SocError for anything that is no pack: it is not ours to replace."""
    if not pack.is_symlink() and (not pack.exists() or (pack.is_dir() and not any(pack.iterdir()))):
        return None
    try:
        return msgspec.json.decode((pack / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise SocError(pack, "there is something there that is not an imported pack") from error


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """Path -> sha256, in order of path."""
    return {name: sha256(files[name]).hexdigest() for name in sorted(files)}


def stage(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Writes files into a folder of their own, which is made, and gives it back."""
    for name in sorted(files):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name])
    return folder


def install(pack: Path, files: Mapping[str, bytes], manifest: Manifest) -> None:
    """Makes this the pack's version: readers see the whole old one or the whole new one, whatever dies when."""
    versions = pack.parent / f".{pack.name}"
    version = versions / sha256(msgspec.json.encode(manifest)).hexdigest()[:16]
    shutil.rmtree(version, ignore_errors=True)
    version.mkdir(parents=True)
    stage(version, files)
    (version / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    link = versions / "new"
    link.unlink(missing_ok=True)
    link.symlink_to(Path(versions.name) / version.name, target_is_directory=True)
    if pack.is_dir() and not pack.is_symlink():
        pack.rmdir()
    link.replace(pack)
    for other in versions.iterdir():
        if other != version:
            shutil.rmtree(other, ignore_errors=True)
