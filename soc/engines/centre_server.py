"""Runs the national centre's mock: its folder with tokens, key and objects, and the server on it."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
from contextlib import closing
from pathlib import Path
from typing import Final

import uvicorn

from soc.core.clock import Clock
from soc.core.errors import SettingsError
from soc.core.settings import secret
from soc.engines.centre_store import CentreStore
from soc.engines.national_centre import ADMIN, Centre, centre_app
from soc.engines.service import Server

TOKENS_FILE: Final = "tokens"
KEY_FILE: Final = "receipt.key"
STORE_FILE: Final = "centre.db"


def prepare(folder: Path, given: Path | None = None) -> None:
    """Makes the folder, and unless they are given elsewhere the files of secrets, readable by nobody else."""
    folder.mkdir(parents=True, exist_ok=True)
    if given is not None:
        return
    _once(folder / TOKENS_FILE, f"soc {secrets.token_urlsafe(24)}\n{ADMIN} {secrets.token_urlsafe(24)}\n")
    _once(folder / KEY_FILE, secrets.token_urlsafe(32) + "\n")


def _once(file: Path, text: str) -> None:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(text, "utf-8")


def read_tokens(file: Path) -> dict[str, str]:
    """Lines "NAME TOKEN": who sends, and the bearer token. SettingsError names a line that is none."""
    tokens: dict[str, str] = {}
    for number, line in enumerate(secret(str(file)).splitlines(), 1):
        words = line.split()
        if len(words) != 2 or len(words[1]) < 16:
            raise SettingsError(f"{file}:{number}", "not a name and a token of 16 letters or more")
        tokens[words[0]] = words[1]
    return tokens


async def serve_centre(
    folder: Path, clock: Clock, listening: socket.socket, secrets: Path, tls: tuple[Path, Path] | None = None
) -> None:
    """Serves until SIGTERM or Ctrl-C. StoreError or SettingsError if the folder's files are not right.

    secrets: the folder of tokens and key of receipts; tls: certificate and key.
    """
    tokens, key = read_tokens(secrets / TOKENS_FILE), secret(str(secrets / KEY_FILE)).encode()
    with closing(CentreStore(folder / STORE_FILE)) as store:
        app = centre_app(Centre(store, clock, tokens, key))
        # "critical": an answer that breaks off, which a drill asks for, is an error to uvicorn
        config = uvicorn.Config(
            app,
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
            ssl_certfile=tls[0] if tls else None,
            ssl_keyfile=tls[1] if tls else None,
        )
        server = Server(config)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lambda: setattr(server, "should_exit", True))
        await server.serve(sockets=[listening])
