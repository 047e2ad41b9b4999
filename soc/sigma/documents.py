"""Rule files read safely: every YAML document with its path, line and hash, or the reason why it is none.

YAML bombs are refused before anything is built from them: size, depth, aliases (a small file can
alias itself into gigabytes). A key that is there twice is refused too: YAML would silently take the last.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from soc.core.errors import Problem
from soc.core.ids import content_id
from soc.core.yamlfile import MAX_BYTES, MAX_DEPTH

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ENDINGS = (".yml", ".yaml")
_TEXT, _MAP, _LIST = (f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq"))


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: a map, where it begins, and the hash of its text."""

    document: dict[str, Any]
    path: str
    line: int
    hash: str


def rule_files(paths: Sequence[Path]) -> list[Path]:
    """Every .yml and .yaml below the paths, each once, in order of name; hidden folders (.git) are left out.

    What cannot be read is among them, to be reported: a link to nowhere, a folder without permission.
    """
    found: dict[str, Path] = {}
    real = cache(os.path.realpath)
    for path in paths:
        for file in _below(path) if path.is_dir() else (path,):
            folder, name = os.path.split(file)
            whole = os.path.realpath(file) if _is_link(file) else os.path.join(real(folder), name)  # noqa: PTH118 - quick
            found.setdefault(whole, file)
    return sorted(found.values())


def _is_link(file: Path) -> bool:
    """Also in a folder that may be listed and not looked into, where Path.is_symlink raises."""
    return os.path.islink(file)  # noqa: PTH114


def _below(folder: Path) -> Iterator[Path]:
    unreadable: list[OSError] = []
    visited: set[Path] = set()
    for here, folders, names in os.walk(folder, onerror=unreadable.append, followlinks=True):
        folders[:] = [name for name in folders if name[0] != "." and not _seen(Path(here, name), visited)]
        yield from (Path(here, name) for name in names if name.endswith(_ENDINGS))
    yield from (Path(error.filename) for error in unreadable)


def _seen(folder: Path, visited: set[Path]) -> bool:
    """Whether a link leads to where another has led before, or back up: links may run in a circle."""
    if not _is_link(folder):
        return False
    real = folder.resolve()
    known = real in visited or folder.parent.resolve().is_relative_to(real)
    visited.add(real)
    return known


def read_documents(file: Path) -> Iterator[Document | Problem]:
    """The documents of one file. A file that cannot be read as YAML is one problem."""
    raw = read_file(file)
    yield from (raw,) if isinstance(raw, Problem) else documents_of(str(file), raw)


def read_file(file: Path) -> bytes | Problem:
    """A file's bytes, or why it cannot be read."""
    try:
        if file.exists() and not file.is_file():  # a pipe would be waited for
            return Problem(str(file), 1, "a folder that cannot be read" if file.is_dir() else "no file")
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        link = ": a link to nowhere" if _is_link(file) else ""
        return Problem(str(file), 1, f"{error.strerror}{link}")
    return Problem(str(file), 1, f"larger than {MAX_BYTES // 1024 // 1024} MiB") if len(raw) > MAX_BYTES else raw


def documents_of(path: str, raw: bytes) -> Iterator[Document | Problem]:
    """The documents in a file's bytes. What is no YAML is one problem."""
    try:
        text = raw.decode("utf-8-sig")
        documents = _documents(text)
    except _Refused as error:
        yield Problem(path, error.line, str(error))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        yield Problem(path, mark.line + 1 if mark else 1, f"not YAML: {getattr(error, 'problem', None) or error}")
    else:
        yield from _located(path, text, documents)


def _located(path: str, text: str, documents: list[tuple[int, object]]) -> Iterator[Document | Problem]:
    if not any(document is not None for _, document in documents):
        yield Problem(path, 1, "no rule in this file")
        return
    lines = text.splitlines()
    for (start, document), (end, _) in pairwise([*documents, (len(lines), None)]):
        if isinstance(document, dict):
            body = [line.rstrip() for line in lines[start:end]]
            yield Document(document, path, start + 1, content_id(["\n".join(body).strip("\n-.")]))
        elif document is not None:
            yield Problem(path, start + 1, "a rule is a YAML map")


class _Refused(ValueError):
    def __init__(self, mark: Any, reason: str) -> None:
        super().__init__(reason)
        self.line = mark.line + 1 if mark else 1


def _documents(text: str) -> list[tuple[int, object]]:
    """(first line from 0, content) of every document; raises on what would grow out of bounds."""
    if _may_be_bomb(text):
        _refuse_bombs(text)
    loader = _Loader(text)
    found: list[tuple[int, object]] = []
    try:
        while loader.check_node():
            node: Any = loader.get_node()
            found.append((node.start_mark.line, _built(loader, node)))
    finally:
        loader.dispose()
    return found


MAX_NODES = 300_000
MAX_NUMBER = 400
"""Digits of a number, or characters of a date: YAML has numbers to the base of 60, which take quadratic time."""
_SMALL = 512 * 1024
"""Characters that cannot hold more than MAX_NODES: a node takes two."""
_ANCHOR = re.compile(r"(?:^|[\s\[{,:?-])&\S", re.MULTILINE)
_INDENT = re.compile(r"^[ \t?:-]+", re.MULTILINE)


def _may_be_bomb(text: str) -> bool:
    """Quick, and never wrongly no: nothing is aliased without an anchor, nothing is deep without indent or brackets."""
    if len(text) > _SMALL or _ANCHOR.search(text):
        return True
    deepest = max(map(len, _INDENT.findall(text)), default=0)
    return 2 * deepest + text.count("[") + text.count("{") > 4 * MAX_DEPTH


def _refuse_bombs(text: str) -> None:
    """Events come one by one, so depth, aliases and number are seen before anything is built from them."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_Loader):
        nodes += isinstance(event, yaml.NodeEvent)
        if nodes > MAX_NODES:
            raise _Refused(event.start_mark, f"more than {MAX_NODES} keys and values")
        if isinstance(event, yaml.AliasEvent):
            raise _Refused(event.start_mark, "YAML aliases are not accepted")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _Refused(event.start_mark, f"nested deeper than {MAX_DEPTH}")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _built(loader: Any, node: yaml.Node, depth: int = 0) -> object:
    """A node's value. Text, lists and maps are built here: three times as fast as by the loader."""
    if node.tag == _TEXT:
        return node.value
    if depth > MAX_DEPTH:
        raise _Refused(node.start_mark, f"nested deeper than {MAX_DEPTH}")
    if isinstance(node, yaml.MappingNode) and node.tag == _MAP:
        made: dict[object, object] = {}
        for name, value in node.value:
            if not isinstance(name, yaml.ScalarNode) or name.tag.endswith(":merge"):
                raise _Refused(name.start_mark, "a key is plain text")
            key = _built(loader, name)
            if key in made:
                raise _Refused(name.start_mark, f"{key} is there twice")
            made[key] = _built(loader, value, depth + 1)
        return made
    if isinstance(node, yaml.SequenceNode) and node.tag == _LIST:
        return [_built(loader, one, depth + 1) for one in node.value]
    if not isinstance(node, yaml.ScalarNode):
        raise _Refused(node.start_mark, f"{node.tag} is not accepted")
    if len(node.value) > MAX_NUMBER:
        raise _Refused(node.start_mark, f"a number of more than {MAX_NUMBER} digits")
    try:
        return loader.construct_object(node)
    except (ValueError, OverflowError) as error:
        raise _Refused(node.start_mark, f"{node.value!r}: {error}") from error
