"""Dashboards: what is wrong with their files, and how they come to a Grafana that others run.

Grafana takes a dashboard whatever is in it, and leaves out without a word what it does not know. So the files are
looked at first. Sending is the same however often it is done: a folder and dashboards are known by their uids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import orjson

from soc.core.errors import Problem, SocError
from soc.engines.dashboards_client import Client

Json = dict[str, Any]

FOLDER_UID: Final = "soc"
PANELS: Final = frozenset(("bargauge", "barchart", "gauge", "piechart", "row", "stat", "table", "timeseries"))
"""Types of panels that Grafana 12 has and that show no text of their own: no HTML, no scripts."""


class Grafana(Protocol):
    """The calls of Grafana's API that are needed. SocError when it does not answer or refuses."""

    def folder(self, uid: str) -> Json | None: ...
    def create_folder(self, uid: str, title: str) -> None: ...
    def rename_folder(self, uid: str, title: str) -> None: ...
    def data_source(self, uid: str) -> Json | None: ...
    def dashboard(self, uid: str) -> Json | None: ...
    def put_dashboard(self, dashboard: Json, folder_uid: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of one dashboard: "created", "changed" or "unchanged"."""

    uid: str
    title: str
    outcome: str


def read(folder: Path) -> dict[Path, Json]:
    """The dashboards of a folder. SocError when there are none, or one is no JSON object."""
    found: dict[Path, Json] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            document = orjson.loads(path.read_bytes())
        except orjson.JSONDecodeError as error:
            raise SocError(path, error) from error
        if not isinstance(document, dict):
            raise SocError(path, "not a JSON object")
        found[path] = document
    if not found:
        raise SocError(folder, "no dashboards (*.json)")
    return found


def check(dashboards: Mapping[Path, Json]) -> list[Problem]:
    """What Grafana would leave out or mix up without a word."""
    problems = [Problem(str(path), 1, why) for path, board in dashboards.items() for why in _problems(board)]
    seen: dict[object, Path] = {}
    for path, board in dashboards.items():
        if (first := seen.setdefault(board.get("uid"), path)) != path:
            problems.append(Problem(str(path), 1, f"uid {board.get('uid')} is that of {first.name}"))
    return problems


def sources(dashboards: Iterable[Json]) -> set[str]:
    """uids of the data sources that they read."""
    return {str(uid) for board in dashboards for _, uid in _references(board)}


def push(grafana: Grafana, dashboards: Iterable[Json], folder: str, console: str | None = None) -> Iterator[Pushed]:
    """Makes or renames the folder and sends what differs. SocError before anything is changed, when a data source is
    not there. console: the address that links lead to, instead of the files' own."""
    boards = [_with_console(board, console) for board in dashboards]
    for uid in sorted(sources(boards)):
        found = grafana.data_source(uid)
        if found is None:
            raise SocError("Grafana has no data source {uid}: see dashboards/provisioning/datasources", uid=uid)
        if found.get("type") != "elasticsearch":
            raise SocError(
                "data source {uid} of Grafana is no Elasticsearch, but {kind}", uid=uid, kind=found.get("type")
            )
    there = grafana.folder(FOLDER_UID)
    if there is None:
        grafana.create_folder(FOLDER_UID, folder)
    elif there.get("title") != folder:
        grafana.rename_folder(FOLDER_UID, folder)
    for board in boards:
        before = grafana.dashboard(board["uid"])
        outcome = "created" if before is None else "changed"
        if before is not None and _same(before, board):
            outcome = "unchanged"
        else:
            grafana.put_dashboard(board, FOLDER_UID)
        yield Pushed(board["uid"], board["title"], outcome)


def connect(url: str, token: str) -> Grafana:
    """The client for an address. SocError when it is no address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise SocError("{url} is no address such as https://grafana.example", url=repr(url))
    return Client(url.rstrip("/") + "/", token)


def _with_console(board: Json, console: str | None) -> Json:
    if console is None:
        return board
    variables = [
        {**one, "query": console} if one.get("name") == "console" else one for one in board["templating"]["list"]
    ]
    return {**board, "templating": {**board["templating"], "list": variables}}


def _same(before: Json, board: Json) -> bool:
    """True if Grafana has it already, in our folder; id and version are Grafana's own."""
    own = {"id", "version"}
    has = {name: value for name, value in before.get("dashboard", {}).items() if name not in own}
    wanted = {name: value for name, value in board.items() if name not in own}
    return has == wanted and before.get("meta", {}).get("folderUid") == FOLDER_UID


def _problems(board: Json) -> Iterator[str]:
    for name in ("uid", "title", "schemaVersion"):
        if not board.get(name):
            yield f"no {name}"
    ids: set[object] = set()
    for panel in board.get("panels", []):
        where = f"panel {panel.get('title') or panel.get('id')}"
        if panel.get("type") not in PANELS:
            yield f"{where}: type {panel.get('type')} is none of {', '.join(sorted(PANELS))}"
        if not panel.get("title"):
            yield f"{where}: no title"
        if panel.get("type") != "row" and not panel.get("fieldConfig", {}).get("defaults", {}).get("unit"):
            yield f"{where}: no unit"
        if panel.get("id") in ids:
            yield f"{where}: its id is another's too"
        ids.add(panel.get("id"))
    for where, uid in _references(board):
        if not uid:
            yield f"{where}: no data source"


def _references(board: Json) -> Iterator[tuple[str, str]]:
    """(where, uid) of every mention of a data source, "" where there should be one."""
    read_by: Callable[[Json], str] = lambda part: (part.get("datasource") or {}).get("uid", "")  # noqa: E731
    for panel in board.get("panels", []):
        if panel.get("type") != "row":
            yield f"panel {panel.get('title')}", read_by(panel)
        for target in panel.get("targets", []):
            yield f"panel {panel.get('title')}", read_by(target)
    for variable in board.get("templating", {}).get("list", []):
        if variable.get("type") == "query":
            yield f"variable {variable.get('name')}", read_by(variable)
