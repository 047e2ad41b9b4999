"""Stand-ins for what connectors talk to: an HTTP server, a FortiGate and a mail server, each on a free local port."""

import asyncio
import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


class Http:
    """Answers each request by ``answer(method, path, headers, body) -> (status, body, headers)``; keeps all of them.

    An answer of None breaks the connection instead.
    """

    def __init__(self, answer):
        self.requests = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _any(self):
                length = int(self.headers.get("Content-Length") or 0)
                asked = (self.command, self.path, dict(self.headers), self.rfile.read(length))
                outer.requests.append(asked)
                said = answer(*asked)
                if said is None:
                    self.close_connection = True
                    return
                status, body, headers = said
                raw = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(raw)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = _any

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class FortiGateTables:
    """The tables of FortiOS that a block needs; ``breaks`` are requests (counted from 1) whose answer is lost."""

    def __init__(self, token="t0ken"):
        self.token = token
        self.addresses = {"address": {}, "address6": {}}
        self.groups = {"addrgrp": {"SOC-blocked": []}, "addrgrp6": {"SOC-blocked": []}}
        self.breaks = set()
        self.posts = 0
        self.changes = []

    def __call__(self, method, path, headers, body):
        if headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {}, {}
        parts = [unquote(part) for part in urlsplit(path).path.removeprefix("/api/v2/cmdb/firewall/").split("/")]
        status, results = self._post(parts, json.loads(body)) if method == "POST" else self._get(parts)
        if method == "POST":
            self.posts += 1
            if self.posts in self.breaks:
                return None
        return status, {"results": results, "status": "success" if status == 200 else "error"}, {}

    def _get(self, parts):
        table, *rest = parts
        if table in self.addresses:
            found = self.addresses[table].get(rest[0])
            return (200, [found]) if found else (404, [])
        groups = self.groups[table]
        if not rest:
            return 200, [{"name": name, "member": [{"name": one} for one in own]} for name, own in groups.items()]
        if rest[0] not in groups or rest[2] not in groups[rest[0]]:
            return 404, []
        return 200, [{"name": rest[2]}]

    def _post(self, parts, entry):
        table, *rest = parts
        if table in self.addresses:
            if entry["name"] in self.addresses[table]:
                return 500, []
            self.addresses[table][entry["name"]] = entry
        else:
            members = self.groups[table].get(rest[0])
            if members is None:
                return 404, []
            if entry["name"] in members:
                return 500, []
            members.append(entry["name"])
        self.changes.append((table, entry["name"]))
        return 200, []


class Mail:
    """A mail server: keeps the messages, refuses recipients at refused.example, and can hang up after DATA."""

    def __init__(self, *, hangs_up=False):
        self.messages = []
        self._hangs_up = hangs_up
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(self._talk, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()
            await self._stop.wait()

    async def _talk(self, reader, writer):
        writer.write(b"220 mail ESMTP\r\n")
        to = []
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                word = line.strip().upper()
                if word.startswith(b"RCPT") and b"@REFUSED.EXAMPLE" in word:
                    writer.write(b"550 no\r\n")
                elif word == b"DATA":
                    writer.write(b"354 go\r\n")
                    self.messages.append((to, await reader.readuntil(b"\r\n.\r\n")))
                    if self._hangs_up:
                        break
                    writer.write(b"250 taken\r\n")
                elif word == b"QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                else:
                    to += [line] if word.startswith(b"RCPT") else []
                    writer.write(b"250 ok\r\n")
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()
