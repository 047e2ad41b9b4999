"""The RELP protocol's frames: ``TXNR COMMAND LENGTH [DATA] LF`` (librelp's protocol description, version 0)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEADER = re.compile(rb"(\d{1,9}) ([A-Za-z]{1,32}) (\d{1,9})([ \n])")
_HEADER_BEGUN = re.compile(rb"\d{1,9}(?: (?:[A-Za-z]{1,32}(?: \d{0,9})?)?)?\Z")
_LONGEST_HEADER = 9 + 1 + 32 + 1 + 9 + 1
MAX_COMMAND_DATA = 4096


class RelpError(Exception):
    """Not RELP, or RELP that we do not take: the connection is of no more use."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. cut: the data was longer than allowed, and its end is left out."""

    number: int
    command: bytes
    data: bytes
    cut: bool = False


class RelpFramer:
    """One connection's frames; holds at most max_data bytes of an unfinished one, however long it claims to be."""

    def __init__(self, max_data: int) -> None:
        self._max = max(max_data, MAX_COMMAND_DATA)
        self._rest = b""
        self._open: tuple[int, bytes] | None = None
        self._left = 0
        self._data = bytearray()
        self._cut = False

    @property
    def halfway(self) -> bool:
        """True while a frame has begun and its end has not come."""
        return bool(self._rest or self._open)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames completed by these bytes. RelpError at the first byte that breaks the protocol."""
        buffer = self._rest + data if self._rest else data
        frames: list[Frame] = []
        start = 0
        while start < len(buffer):
            if self._open is None:
                after = self._header(buffer, start)
                if after < 0:
                    break
                start = after
            start = self._content(buffer, start, frames)
        self._rest = buffer[start:]
        return frames

    def _header(self, buffer: bytes, start: int) -> int:
        """Where the header ends, or -1 while more of it must come."""
        found = _HEADER.match(buffer, start)
        if found is None:
            if not _HEADER_BEGUN.match(buffer[start : start + _LONGEST_HEADER]):
                raise RelpError("no RELP frame")
            return -1
        self._open = (int(found[1]), found[2])
        # Without data the header's own end is the frame's LF.
        self._left = int(found[3])
        if found[4] == b"\n":
            if self._left:
                raise RelpError("a frame ends before its data")
            return found.end() - 1
        return found.end()

    def _content(self, buffer: bytes, start: int, frames: list[Frame]) -> int:
        """Take what is there of the data and the LF after it."""
        assert self._open is not None
        take = min(self._left, len(buffer) - start)
        room = self._max - len(self._data)
        self._data += buffer[start : start + min(take, room)]
        self._cut |= take > room
        self._left -= take
        start += take
        if self._left or start == len(buffer):
            return start
        if buffer[start] != ord("\n"):
            raise RelpError("a frame does not end with LF")
        frames.append(Frame(*self._open, bytes(self._data), self._cut))
        self._open, self._cut = None, False
        self._data.clear()
        return start + 1


def answer(number: int, text: bytes) -> bytes:
    """The server's response to frame ``number``."""
    return b"%d rsp %d %s\n" % (number, len(text), text) if text else b"%d rsp 0\n" % number


SERVER_CLOSE = b"0 serverclose 0\n"
