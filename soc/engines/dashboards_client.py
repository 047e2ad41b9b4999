"""Grafana's API by grafana-client; the one place that imports it, when dashboards are sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grafana_client import GrafanaApi
from grafana_client.client import GrafanaException

from soc.core.errors import SocError

Json = dict[str, Any]


class Client:
    """See soc.engines.dashboards.Grafana. The address ends with a slash."""

    def __init__(self, url: str, token: str, wait: float) -> None:
        self._url = url
        self._api = GrafanaApi.from_url(url, credential=token, timeout=wait)

    def folder(self, uid: str) -> Json | None:
        return self._found(lambda: self._api.folder.get_folder(uid))

    def create_folder(self, uid: str, title: str) -> None:
        self._call(lambda: self._api.folder.create_folder(title, uid=uid))

    def rename_folder(self, uid: str, title: str) -> None:
        self._call(lambda: self._api.folder.update_folder(uid, title=title, overwrite=True))

    def data_source(self, uid: str) -> Json | None:
        return self._found(lambda: self._api.datasource.get_datasource_by_uid(uid))

    def dashboard(self, uid: str) -> Json | None:
        return self._found(lambda: self._api.dashboard.get_dashboard(uid))

    def put_dashboard(self, dashboard: Json, folder_uid: str) -> None:
        sent = {"dashboard": {**dashboard, "id": None}, "folderUid": folder_uid, "overwrite": True,
                "message": "soc dashboards push"}  # fmt: skip
        self._call(lambda: self._api.dashboard.update_dashboard(sent))

    def _found(self, call: Callable[[], Any]) -> Json | None:
        try:
            return self._call(call)
        except Absent:
            return None

    def _call(self, call: Callable[[], Any]) -> Json:
        try:
            answer: Json = call()
        except GrafanaException as error:
            if error.status_code == 404:
                raise Absent(f"{self._url}: {error.message}") from error
            raise SocError(f"{self._url}: {error.message}") from error
        except OSError as error:  # its HTTP library's errors are OSErrors, as those of requests
            raise SocError(f"{self._url}: {error}") from error
        return answer


class Absent(SocError):
    """Grafana does not have what was asked for."""
