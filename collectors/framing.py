"""Cut a TCP byte stream into syslog messages (RFC 6587), whatever the sender does and however TCP cuts it.

Two framings are in use: octet counting (``11 <34>1 - - -``) and a line end after each message (LF; CR LF and a NUL
beside the LF are accepted). "auto" tells them apart message by message: digits, a space and "<" are a count.

A NUL or a line end inside a counted message stays in it: the sender's count, not the content, says where it ends.
"""

from __future__ import annotations

import re
from typing import Literal

Mode = Literal["auto", "octet", "newline"]

MAX_LINE = 65536
# A count above this many times max_line is taken for text: a forged one must not swallow what follows for long.
COUNT_FACTOR = 16

_LONGEST_COUNT = len("\n123456789 ")
_EDGES = b"\r\n\0"
_COUNT = {"auto": re.compile(rb"(\d{1,9}) (?=<)"), "octet": re.compile(rb"(\d{1,9}) ")}
_UNDECIDED = {"auto": re.compile(rb"\d{1,9} ?\Z"), "octet": re.compile(rb"\d{1,9}\Z")}
_COUNT_LATER = {"auto": re.compile(rb"\n\d{1,9} ?(?:<|\Z)"), "octet": re.compile(rb"\n\d{1,9}(?: |\Z)")}


class Framer:
    """One connection's frames. No input makes it fail, or hold more than max_line bytes and what was fed last.

    truncated  cuts made because a message was longer than max_line; the parts follow each other as lines
    malformed  messages without a count where the mode "octet" demands one; they end at the next line end
    """

    def __init__(self, mode: Mode = "auto", max_line: int = MAX_LINE) -> None:
        self.truncated = 0
        self.malformed = 0
        self._mode = mode
        self._max = max_line
        self._rest = b""
        self._left = 0  # bytes of a counted message still to come
        self._inside = False  # the rest continues a line that has been cut
        self._searched = 0  # bytes of the rest that hold no line end, so that tiny packets cost no new search

    @property
    def pending(self) -> int:
        """Bytes of an unfinished message that are being held."""
        return len(self._rest)

    @property
    def halfway(self) -> bool:
        """True while a message has begun and its end has not come."""
        return bool(self._rest or self._left)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages completed by these bytes, without counts and line ends; empty ones are left out."""
        buffer = self._rest + data if self._rest else data
        frames: list[bytes] = []
        start = 0
        while start < len(buffer):
            after = self._counted(buffer, start, frames)
            if after < 0:
                after = self._lines(buffer, start, frames)
            if after == start:
                break
            start = after
        self._rest = buffer[start:]
        self._searched = 0 if self._left else len(self._rest)
        return frames

    def close(self) -> list[bytes]:
        """The end of the stream: an unterminated line is a line; a counted message that broke off is dropped."""
        rest, self._rest = self._rest, b""
        if self._left:
            self._left = 0
            self.malformed += 1
            return []
        self._count_malformed([rest])
        return self._stripped([rest])

    def _counted(self, buffer: bytes, start: int, frames: list[bytes]) -> int:
        """Take (a part of) a counted message; the new start, start when more bytes are needed, -1 when it is none."""
        if not self._left:
            if self._mode == "newline" or self._inside:
                return -1
            found = _COUNT[self._mode].match(buffer, start)
            if found is None:
                return start if _UNDECIDED[self._mode].match(buffer, start) else -1
            count = int(found[1])
            if not 1 <= count <= self._max * COUNT_FACTOR:
                return -1
            self._left = count
            start = found.end()
        take = min(self._left, self._max)
        if len(buffer) - start < take:
            return start
        self._left -= take
        self.truncated += self._left > 0
        frames += self._stripped([buffer[start : start + take]])
        return start + take

    def _lines(self, buffer: bytes, start: int, frames: list[bytes]) -> int:
        """Take all lines up to the next count, or to the last line end; the new start, start when none is complete."""
        stop = -1
        unsearched = max(start, self._searched - _LONGEST_COUNT)
        if self._mode != "newline":
            later = _COUNT_LATER[self._mode].search(buffer, unsearched)
            stop = later.start() if later else -1
        if stop < 0:
            stop = buffer.rfind(b"\n", unsearched)
        if stop < 0:
            if len(buffer) - start <= self._max:
                return start
            self._count_malformed([buffer])
            self._inside = True
            self.truncated += 1
            frames += self._stripped([buffer[start : start + self._max]])
            return start + self._max
        lines = buffer[start:stop].split(b"\n")
        self._count_malformed(lines)
        self._inside = False
        if max(map(len, lines)) > self._max:
            lines = [part for line in lines for part in self._parts(line)]
        frames += self._stripped(lines)
        return stop + 1

    def _count_malformed(self, lines: list[bytes]) -> None:
        if self._mode == "octet":
            fresh = lines[1:] if self._inside else lines
            self.malformed += sum(1 for line in fresh if line not in {b"", b"\r"})

    def _parts(self, line: bytes) -> list[bytes]:
        parts = [line[at : at + self._max] for at in range(0, len(line), self._max)]
        self.truncated += max(0, len(parts) - 1)
        return parts

    @staticmethod
    def _stripped(lines: list[bytes]) -> list[bytes]:
        return [kept for line in lines if (kept := line.strip(_EDGES))]
