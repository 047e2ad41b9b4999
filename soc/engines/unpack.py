"""Rule files out of a folder or an archive that someone else made: bounded, and never outside of where they belong."""

from __future__ import annotations

import gzip
import io
import lzma
import stat
import sys
import tarfile
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from soc.core.errors import SocError
from soc.core.yamlfile import MAX_BYTES

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAX_ARCHIVE = 64 * 1024 * 1024
MAX_FILES = 50_000
MAX_UNPACKED = 512 * 1024 * 1024
MAX_RATIO = 250
"""Unpacked bytes for each packed one. Rules pack to a tenth or twentieth; bombs to a thousandth."""
_SLACK = 1024 * 1024
_TAR_END = 1024
"""Zero bytes that every tar ends with; tarfile takes one without them for whole."""


class Member(NamedTuple):
    """One file of a source, before it is read. kind is "file", or why it cannot be one."""

    name: str
    kind: str
    read: Callable[[], bytes]


@dataclass(slots=True)
class Unpacked:
    """The YAML files of a source, and how many others it had, by reason: together they account for every file."""

    sha256: str
    files: dict[str, bytes] = field(default_factory=dict)
    kept_out: Counter[str] = field(default_factory=Counter)


def unpack(source: str, raw: bytes) -> Unpacked:
    """A .zip or a .tar, plain or with gzip, xz or zstd, known by its content. SocError if it is damaged or a bomb."""
    found = Unpacked(sha256(raw).hexdigest())
    try:
        members = _zipped(raw) if raw[:2] == b"PK" else _tarred(raw)
        _keep(source, members, found, min(MAX_UNPACKED, len(raw) * MAX_RATIO + _SLACK))
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, zstd.ZstdError, EOFError) as error:
        raise SocError(source, "not an archive, or damaged: {why}", why=error) from error
    except (OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise SocError(source, "cannot be unpacked: {why}", why=error) from error
    return found


def read_folder(folder: Path) -> Unpacked:
    """The same of a folder; links in it are not followed. Its digest is over the names and digests of its files."""
    found = Unpacked("")
    members = (
        Member(path.relative_to(folder).as_posix(), "a link" if path.is_symlink() else "file", path.read_bytes)
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or not path.is_dir()
    )
    _keep(str(folder), members, found, MAX_UNPACKED)
    listing = "".join(f"{sha256(found.files[name]).hexdigest()}  {name}\n" for name in sorted(found.files))
    found.sha256 = sha256(listing.encode()).hexdigest()
    return found


def _keep(source: str, members: Iterator[Member], found: Unpacked, most: int) -> None:
    taken: dict[str, str] = {}
    size = 0
    for number, member in enumerate(members):
        if number >= MAX_FILES:
            raise SocError(source, "more than {number} files", number=MAX_FILES)
        name = _safe(source, member.name)
        reason = member.kind if member.kind != "file" else _unwanted(name)
        if not reason and taken.setdefault(_as_any_disk_sees(name), name) != name:
            reason = "a name that differs only in case"
        if not reason and name in found.files:
            reason = "a name that is there twice"
        if reason:
            found.kept_out[reason] += 1
            continue
        body = member.read()
        size += len(body)
        if size > most:
            raise SocError(source, "unpacks to more than {number} MiB, as a bomb would", number=most // 1024 // 1024)
        if len(body) > MAX_BYTES:
            found.kept_out[f"larger than {MAX_BYTES // 1024 // 1024} MiB"] += 1
        else:
            found.files[name] = body
    found.files = _without_common_folder(found.files)
    if not found.files:
        raise SocError(source, "no .yml or .yaml file in it")


def _safe(source: str, name: str) -> str:
    """The name as a path below the pack. An archive with a name that leads out of it is refused whole."""
    path = PurePosixPath(name)
    hostile = any(character in name for character in "\\:\0") or any(ord(character) < 32 for character in name)
    if path.is_absolute() or ".." in path.parts or hostile or not path.parts or len(name.encode()) > 1000:
        raise SocError(source, "refused, since it holds the unsafe name {name}", name=repr(name))
    return str(path)


def _unwanted(name: str) -> str:
    path = PurePosixPath(name)
    if any(part.startswith(".") for part in path.parts):
        return "hidden"
    return "" if path.suffix.lower() in {".yml", ".yaml"} else "not YAML"


def _as_any_disk_sees(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _without_common_folder(files: dict[str, bytes]) -> dict[str, bytes]:
    """Without the one folder that holds all, which is often named after the version."""
    tops = {name.partition("/")[0] for name in files}
    if len(tops) != 1 or not all("/" in name for name in files):
        return files
    return {name.partition("/")[2]: body for name, body in files.items()}


def _zipped(raw: bytes) -> Iterator[Member]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            link = stat.S_ISLNK(info.external_attr >> 16)
            kind = "a link" if link else "encrypted" if info.flag_bits & 1 else "file"

            def read(info: zipfile.ZipInfo = info) -> bytes:
                with archive.open(info) as opened:
                    return opened.read(MAX_BYTES + 1)

            yield Member(info.filename, kind, read)


def _tarred(raw: bytes) -> Iterator[Member]:
    stream = _Bounded(_decompressed(raw), min(MAX_UNPACKED, len(raw) * MAX_RATIO + _SLACK))
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for info in archive:
            if info.isdir():
                continue
            kind = "file" if info.isreg() else "a link" if info.issym() or info.islnk() else "a device"

            def read(info: tarfile.TarInfo = info) -> bytes:
                opened = archive.extractfile(info)
                return opened.read(MAX_BYTES + 1) if opened else b""

            yield Member(info.name, kind, read)
    stream.drain()
    if stream.end.strip(b"\0"):
        raise ValueError("it is cut short")


def _decompressed(raw: bytes) -> IO[bytes]:
    packed = io.BytesIO(raw)
    if raw[:4] == b"\x28\xb5\x2f\xfd":
        return io.BufferedReader(zstd.ZstdFile(packed))
    if raw[:6] == b"\xfd7zXZ\0":
        return io.BufferedReader(lzma.LZMAFile(packed))
    if raw[:2] == b"\x1f\x8b":
        return io.BufferedReader(gzip.GzipFile(fileobj=packed))
    return packed


class _Bounded(io.RawIOBase):
    """Passes bytes on up to a bound: also those of members that are passed over have to be unpacked."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream = stream
        self._left = most
        self.end = b"?"

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise ValueError("it grows too much while it is unpacked, as a bomb would")
        self.end = (self.end + data)[-_TAR_END:]
        return data

    def drain(self) -> None:
        """Reads on to the end, which ``end`` has then."""
        while self.read(65_536):
            pass
