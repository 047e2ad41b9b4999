"""How far sending to Kafka got, on disk: the position and the counts that belong to it, replaced as one."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from collectors.segment import sync_folder


class Sent(msgspec.Struct, frozen=True):
    """position: number of the first line that Kafka has not acknowledged; counts: the tally up to there."""

    position: int = 0
    counts: list[tuple[str, int, int]] = []


class SentFile:
    """A file in the data folder. Without it, or when it is damaged, everything in the spool is sent again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[Sent, str]:
        """What was stored last, and what is wrong with the file ("" for nothing)."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Sent), ""
        except FileNotFoundError:
            return Sent(), ""
        except (OSError, msgspec.MsgspecError) as error:
            return Sent(), f"{self._path}: {error}; what is in the spool is sent again"

    def write(self, sent: Sent) -> None:
        """Durable when it returns. OSError: the file is what it was."""
        draft = self._path.with_suffix(".tmp")
        with draft.open("wb") as file:
            draft.chmod(0o600)
            file.write(msgspec.json.encode(sent))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        sync_folder(self._path.parent)
