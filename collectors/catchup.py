"""What rotation has left behind: which rotated files hold lines that have not been read, and from where on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import msgspec

from collectors.followed import Followed, Mark, begins, first_bytes, head_of, identity
from collectors.rotation import is_copy, opened


@dataclass(frozen=True, slots=True)
class Behind:
    """A rotated file that belongs to us. ended: it is a copy, so nobody writes to it; new: its mark is not kept yet."""

    name: str
    key: str
    size: int
    mark: Mark
    ended: bool = False
    new: bool = True


def left_behind(
    blank: Mark,
    known: Mapping[str, Mark],
    files: Mapping[str, Followed],
    rotated: list[tuple[str, os.stat_result]],
    began: int,
) -> Iterator[Behind]:
    """Each rotated file that is ours, oldest first. Rotating while they are being renamed; OSError.

    blank    the mark of a file of which nothing has been read
    known    marks of this name's files, files those that are open; rotated: what lies beside them
    began    ns; older files that we know nothing of were rotated away before our time
    """
    latest = max([began, *(mark.changed for mark in known.values())])
    lost = [mark for key, mark in known.items() if mark.head[0] and not _still_there(key, mark, files, rotated)]
    intact = [mark for mark in known.values() if mark.head[0] and mark not in lost]
    present = [first_bytes(file.handle) for file in files.values() if file.mark.path == blank.path]
    for name, status in rotated:
        key = identity(status)
        if key in files or not status.st_size:
            continue
        with opened(name, key) as handle:
            like = partial(_begins, handle)
            mark = known.get(key)
            if mark and (not mark.offset or like(mark)):
                yield Behind(name, key, status.st_size, mark, new=False)
            elif original := next(filter(like, lost), None):
                # Copy and truncate: the copy has what we had not read.
                offset = min(original.offset, status.st_size)
                mark = msgspec.structs.replace(original, offset=offset, changed=status.st_mtime_ns)
                lost.remove(original)
                intact.append(mark)
                yield Behind(name, key, status.st_size, mark, ended=True)
            elif status.st_mtime_ns >= latest and not any(map(like, intact)):
                first = first_bytes(handle)
                if not is_copy(first, present):
                    # It came and went between two looks.
                    mark = msgspec.structs.replace(blank, changed=status.st_mtime_ns, head=head_of(first))
                    intact.append(mark)
                    yield Behind(name, key, status.st_size, mark)


def _begins(handle: int, mark: Mark) -> bool:
    return begins(handle, mark.head)


def _still_there(
    key: str, mark: Mark, files: Mapping[str, Followed], rotated: list[tuple[str, os.stat_result]]
) -> bool:
    """Whether the content that a mark stands for is still in its own file, under whatever name."""
    if file := files.get(key):
        return file.unchanged()
    for name, status in rotated:
        if identity(status) == key:
            with opened(name, key) as handle:
                return begins(handle, mark.head)
    return False
