"""Grafana's HTTP API, as much as sending dashboards takes.

The paths and bodies are those of Grafana's documentation, "Folder", "Data source" and "Dashboard HTTP API".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson

from soc.core.errors import SocError
from soc.engines.connectors.connector import Doubtful, NotDone
from soc.engines.connectors.request import request

Json = dict[str, Any]


class Client:
    """See soc.engines.dashboards.Grafana. The address ends with a slash."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def folder(self, uid: str) -> Json | None:
        return self._found(f"folders/{quote(uid)}")

    def create_folder(self, uid: str, title: str) -> None:
        self._call("POST", "folders", {"uid": uid, "title": title})

    def rename_folder(self, uid: str, title: str) -> None:
        self._call("PUT", f"folders/{quote(uid)}", {"title": title, "overwrite": True})

    def data_source(self, uid: str) -> Json | None:
        return self._found(f"datasources/uid/{quote(uid)}")

    def dashboard(self, uid: str) -> Json | None:
        return self._found(f"dashboards/uid/{quote(uid)}")

    def put_dashboard(self, dashboard: Json, folder_uid: str) -> None:
        sent = {"dashboard": {**dashboard, "id": None}, "folderUid": folder_uid, "overwrite": True,
                "message": "soc dashboards push"}  # fmt: skip
        self._call("POST", "dashboards/db", sent)

    def _found(self, path: str) -> Json | None:
        status, answer = self._ask("GET", path)
        return None if status == 404 else self._taken(status, answer)

    def _call(self, method: str, path: str, body: Json) -> None:
        self._taken(*self._ask(method, path, body))

    def _ask(self, method: str, path: str, body: Json | None = None) -> tuple[int, Json]:
        sent = None if body is None else orjson.dumps(body)
        try:
            status, raw = request(method, f"{self._url}api/{path}", self._headers, sent, private=True)
            answer = orjson.loads(raw)
        except (NotDone, Doubtful) as error:
            raise SocError(self._url, error) from error
        except orjson.JSONDecodeError as error:
            raise SocError(self._url, "{status}, and no JSON: this is no Grafana's API", status=status) from error
        return status, answer if isinstance(answer, dict) else {}

    def _taken(self, status: int, answer: Json) -> Json:
        if not 200 <= status < 300:
            raise SocError(f"{self._url}: {status} {answer.get('message', '')}")
        return answer
