"""Log files are read whatever they are packed in, in bounded memory, and what cannot be read is named."""

import gzip
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from soc.core.clock import SystemClock
from soc.engines.source import CHUNK, MAX_LINE, LogFile, UnusableInput, expand

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LINES = [f"line {number}".encode() for number in range(10_000)]


def read(path: Path) -> list[bytes]:
    file = LogFile(path)
    try:
        return [line for batch in file.batches(700) for line in batch]
    finally:
        file.close()


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_plain_lines_with_either_end_and_without_a_last_one(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(end.join(LINES))
    assert read(path) == LINES
    path.write_bytes(end.join(LINES) + end)
    assert read(path) == LINES


def test_gzip_and_zstd_are_recognised_by_content(tmp_path: Path) -> None:
    raw = b"\n".join(LINES)
    packed = tmp_path / "a.log"
    packed.write_bytes(gzip.compress(raw[:5000]) + gzip.compress(raw[5000:]))
    assert read(packed) == LINES
    packed.write_bytes(zstd.compress(raw[:5000]) + zstd.compress(raw[5000:]))
    assert read(packed) == LINES


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
def test_a_damaged_archive_gives_what_is_readable_and_then_its_name(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "a.log.gz"
    path.write_bytes(compress(b"\n".join(f"{n} {n * n}".encode() for n in range(400_000)))[:-2000])
    got: list[bytes] = []
    file = LogFile(path)
    with pytest.raises(UnusableInput, match=r"a\.log\.gz"):
        for batch in file.batches():
            got += batch
    file.close()
    assert len(got) > 100_000


def test_a_short_damaged_archive_gives_its_lines_too(tmp_path: Path) -> None:
    path = tmp_path / "a.log.gz"
    path.write_bytes(gzip.compress(b"\n".join(LINES[:100]) + b"\n")[:-10])
    got: list[bytes] = []
    file = LogFile(path)
    with pytest.raises(UnusableInput, match="before the end-of-stream"):
        for batch in file.batches():
            got += batch
    file.close()
    assert got == LINES[: len(got)]
    assert len(got) > 90


def test_garbage_within_an_archive_is_an_unusable_input(tmp_path: Path) -> None:
    path = tmp_path / "a.log.gz"
    packed = bytearray(gzip.compress(b"\n".join(LINES)))
    packed[10:200] = b"\xff" * 190
    path.write_bytes(packed)
    with pytest.raises(UnusableInput, match="decompressing"):
        read(path)


def test_a_pipe_is_read_once_and_dated_now(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"\n".join(LINES),))
    before = SystemClock().now()
    writer.start()
    file = LogFile(path)
    assert [line for batch in file.batches() for line in batch] == LINES
    assert (file.size, file.consumed) == (0, 0)
    assert file.modified >= before
    file.close()
    writer.join()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04rest", "zip"),
        (b"ElfFile\x00", "EVTX"),
        (b"\x00\x01\x02\x00" * 100, "binary"),
        (b"%PDF-1.7", "PDF"),
        ("Nov".encode("utf-16"), "iconv"),
    ],
)
def test_what_is_no_log_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "odd"
    path.write_bytes(content)
    with pytest.raises(UnusableInput, match=says):
        LogFile(path)


def test_a_line_without_end_comes_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "endless"
    path.write_bytes(b"x" * (3 * MAX_LINE + CHUNK))
    file = LogFile(path)
    pieces = [line for batch in file.batches() for line in batch]
    file.close()
    assert b"".join(pieces) == b"x" * (3 * MAX_LINE + CHUNK)
    assert max(map(len, pieces)) <= MAX_LINE + CHUNK
    assert len(pieces) - 1 <= file.cut <= len(pieces)


def test_empty_file_has_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    assert read(path) == []


def test_folders_give_their_files_in_order_named_from_the_folder(tmp_path: Path) -> None:
    for name in ("b/2.log", "b/1.log", "a.log", ".hidden/x.log", "b/.swp"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert [source.name for source in expand([tmp_path])] == ["a.log", "b/1.log", "b/2.log"]
    assert [source.name for source in expand([tmp_path / "a.log", tmp_path / "a.log"])] == ["a.log"]
    (absent,) = expand([tmp_path / "absent"])
    with pytest.raises(UnusableInput, match="No such file"):
        LogFile(absent.path)
