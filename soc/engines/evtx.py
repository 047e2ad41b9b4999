"""Windows event log files (EVTX) as JSON lines, one a record, in slices that can be read apart from each other.

A file is a header of 4096 bytes and chunks of 64 KiB, each complete in itself ("ElfChnk", its own string tables), so
any run of chunks behind the header is again a file. Format: libyal, "Windows XML Event Log (EVTX) format".
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from evtx import PyEvtxParser

MAGIC: Final = b"ElfFile\x00"
HEADER: Final = 4096
CHUNK: Final = 65536
_CHUNK_MAGIC: Final = b"ElfChnk\x00"
_SLICE: Final = 16 * CHUNK


def slices(size: int) -> Iterator[tuple[int, int]]:
    """The (start, end) of about 1 MiB each that a file of this size is read in."""
    for start in range(HEADER, size, _SLICE):
        yield start, min(start + _SLICE, size)


def read_slice(path: Path, start: int, end: int) -> tuple[list[bytes], list[str]]:
    """The records of the chunks between two offsets as JSON, and what of them could not be read and why."""
    wrong: list[str] = []
    with path.open("rb") as file:
        whole = bytearray(file.read(HEADER))
        file.seek(start)
        for offset in range(start, end, CHUNK):
            chunk = file.read(min(CHUNK, end - offset))
            if len(chunk) < CHUNK:
                wrong.append(f"cut short at byte {offset + len(chunk)}, within a chunk")
                chunk = chunk.ljust(CHUNK, b"\x00")
            if chunk.startswith(_CHUNK_MAGIC):
                whole += chunk
            elif chunk.strip(b"\x00"):
                wrong.append(f"no chunk of events at byte {offset}, but something else")
    lines: list[bytes] = []
    try:
        found = PyEvtxParser(io.BytesIO(whole), 1).records_json()
        while True:
            try:
                record: Any = next(found)
                lines.append(record["data"].encode())
            except StopIteration:
                return lines, wrong
            except RuntimeError as error:  # one record or chunk; the next ones are independent of it
                wrong.append(" ".join(str(error).split()))
    except OSError as error:
        return lines, [*wrong, " ".join(str(error).split())]


def missing(path: Path) -> str:
    """Says so when the file's header knows of more chunks than the file has; "" when all are there."""
    with path.open("rb") as file:
        header, size = file.read(HEADER), os.fstat(file.fileno()).st_size
    stated = int.from_bytes(header[42:44], "little")
    there = max(0, size - HEADER) // CHUNK
    return f"cut short: {there} of {stated} chunks are there" if there < stated else ""


def records(path: Path, size: int) -> Iterator[list[bytes]]:
    """All readable records as JSON, slice by slice; EOFError at the end says what was not readable."""
    wrong = [reason] if (reason := missing(path)) else []
    for start, end in slices(size):
        lines, why = read_slice(path, start, end)
        wrong += why if len(wrong) < 100 else ()
        yield lines
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise EOFError(wrong[0] + more)
