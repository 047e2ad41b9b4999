"""``soc console``: the console on a store, without collecting anything."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
from pathlib import Path

import click

from soc.cli.alerts import open_store, store_option
from soc.cli.command import language, translate, verb
from soc.core.clock import SystemClock
from soc.core.errors import SocError
from soc.engines.service import console_server
from soc.web import Access


@verb("console")
@store_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8765, show_default=True, help="The port (0: any).")
def command(path: Path | None, host: str, port: int) -> None:
    """Serve the console on a store until Ctrl-C."""
    store = open_store(path)
    file = store.path
    store.close()
    serve_console(file, secrets.token_urlsafe(9), host, port)


def serve_console(store: Path, password: str, host: str, port: int) -> None:
    """Prints the address and the one-time password, and serves until Ctrl-C or SIGTERM."""
    t = translate()
    clock = SystemClock()
    listening = _listen(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    server = console_server(store, Access(password, language()), lambda: {"now": clock.now()}, host, port)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lambda: setattr(server, "should_exit", True))
        await server.serve(sockets=[listening])

    click.echo(t("Console: {address}   one-time password: {password}", address=address, password=password))
    click.echo(t("Ctrl-C stops it."))
    asyncio.run(serve())


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        raise SocError(translate()("{host}:{port} is taken; choose another --port", host=host, port=port)) from error
    return listening
