"""Rule files read safely: every YAML document with its path, line and hash, or the reason why it is none.

YAML bombs are refused before anything is built from them: size, depth, aliases (a small file can
alias itself into gigabytes).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from soc.core.errors import Problem
from soc.core.ids import content_id
from soc.core.yamlfile import MAX_BYTES, MAX_DEPTH

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: a map, where it begins, and the hash of its text."""

    document: dict[str, Any]
    path: str
    line: int
    hash: str


def rule_files(paths: Sequence[Path]) -> list[Path]:
    """Every .yml and .yaml below the paths, each once, in order of name."""
    found: dict[Path, Path] = {}
    for path in paths:
        below = (file for file in path.rglob("*") if file.is_file()) if path.is_dir() else iter((path,))
        for file in below:
            if file.suffix in {".yml", ".yaml"} or file == path:
                found.setdefault(file.resolve(), file)
    return sorted(found.values())


def read_documents(file: Path) -> Iterator[Document | Problem]:
    """The documents of one file. A file that cannot be read as YAML is one problem."""
    path = str(file)
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            yield Problem(path, 1, f"larger than {MAX_BYTES // 1024 // 1024} MiB")
            return
        text = raw.decode("utf-8-sig")
        starts = _starts(text)
        documents = list(yaml.load_all(text, Loader=_Loader))
    except OSError as error:
        yield Problem(path, 1, str(error.strerror))
    except _Bomb as bomb:
        yield Problem(path, bomb.line, str(bomb))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        yield Problem(path, mark.line + 1 if mark else 1, f"not YAML: {getattr(error, 'problem', None) or error}")
    else:
        yield from _located(path, text, starts, documents)


def _located(path: str, text: str, starts: list[int], documents: list[object]) -> Iterator[Document | Problem]:
    lines = text.splitlines()
    if not any(document is not None for document in documents):
        yield Problem(path, 1, "no rule in this file")
        return
    ends = [*starts[1:], len(lines)]
    for document, start, end in zip(documents, starts, ends, strict=True):
        if isinstance(document, dict):
            body = [line.rstrip() for line in lines[start:end]]
            yield Document(document, path, start + 1, content_id(["\n".join(body).strip("\n-.")]))
        elif document is not None:
            yield Problem(path, start + 1, "a rule is a YAML map")


class _Bomb(ValueError):
    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def _starts(text: str) -> list[int]:
    """The first line (from 0) of each document's content; raises on what would grow out of bounds."""
    starts: list[int] = []
    depth, fresh = 0, False
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            raise _Bomb(line + 1, "YAML aliases are not accepted")
        if isinstance(event, yaml.DocumentStartEvent):
            fresh = True
        elif fresh:
            starts.append(line)
            fresh = False
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _Bomb(line + 1, f"nested deeper than {MAX_DEPTH}")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return starts
