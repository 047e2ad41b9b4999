"""A Grafana to send dashboards to.

No Grafana server can be had on these machines. The server here keeps folders and dashboards in memory, answers as
Grafana's API is documented to, and records every call.
"""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "only-for-tests"


class Grafana:
    """What it holds; calls: (method, path) in order."""

    def __init__(self, sources):
        self.sources = dict(sources)
        self.folders = {}
        self.dashboards = {}
        self.calls = []

    @property
    def changes(self):
        return [call for call in self.calls if call[0] != "GET"]

    def answer(self, method, path, body):
        kind, _, uid = path.removeprefix("/api/").rpartition("/")
        match method, kind:
            case "GET", "folders":
                return _found(self.folders.get(uid))
            case "GET", "datasources/uid":
                return _found(self.sources.get(uid))
            case "GET", "dashboards/uid":
                return _found(self.dashboards.get(uid))
            case "POST", "" if uid == "folders":
                self.folders[body["uid"]] = {"uid": body["uid"], "title": body["title"]}
                return 200, self.folders[body["uid"]]
            case "PUT", "folders":
                if not body.get("overwrite"):
                    return 412, {"message": "the folder has been changed by someone else"}
                self.folders[uid]["title"] = body["title"]
                return 200, self.folders[uid]
            case "POST", "dashboards" if uid == "db":
                return self._put(body)
        return 404, {"message": "not found"}

    def _put(self, body):
        board = body["dashboard"]
        before = self.dashboards.get(board["uid"])
        if body["folderUid"] not in self.folders:
            return 400, {"message": "folder not found"}
        if before and not body.get("overwrite"):
            return 412, {"message": "The dashboard has been changed by someone else"}
        version = before["dashboard"]["version"] + 1 if before else 1
        kept = board | {"id": 40 + len(self.dashboards), "version": version}
        self.dashboards[board["uid"]] = {"dashboard": kept, "meta": {"folderUid": body["folderUid"]}}
        return 200, {"uid": board["uid"], "status": "success", "version": version}


def _found(value):
    return (200, value) if value is not None else (404, {"message": "not found"})


@contextmanager
def serving(grafana):
    """Its address, under a path of its own as behind a proxy, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            path = self.path.removeprefix("/grafana")
            grafana.calls.append((self.command, path))
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                status, said = 401, {"message": "Invalid API key"}
            else:
                status, said = grafana.answer(self.command, path, body)
            raw = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PUT = _any

        def log_message(self, format, *args):
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/grafana"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
