"""``soc console``: the console on a store, without collecting anything."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Callable
from pathlib import Path

import click

from soc.cli.alerts import store_opener, store_option
from soc.cli.command import language, translate, verb
from soc.core.clock import SystemClock
from soc.core.errors import SocError
from soc.core.store import Store
from soc.engines.service import console_server, listen
from soc.web import Access


@verb("console")
@store_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="The port (0: any).")
@click.option("--grafana", default="", metavar="URL", help="Grafana's address: alerts link to its triage queue.")
def command(path: Path | None, host: str, port: int, grafana: str) -> None:
    """Serve the console on a store until Ctrl-C."""
    if grafana and not grafana.startswith(("http://", "https://")):
        raise SocError(translate()("--grafana must begin with http:// or https://"))
    opener = store_opener(path)
    opener().close()
    serve_console(opener, secrets.token_urlsafe(9), host, port, grafana=grafana)


def serve_console(
    store: Callable[[], Store],
    password: str,
    host: str,
    port: int,
    *,
    or_any_port: bool = False,
    grafana: str = "",
) -> None:
    """Prints the address and the one-time password, and serves until Ctrl-C or SIGTERM.

    or_any_port takes a free port when that one is taken; otherwise SocError.
    """
    t = translate()
    clock = SystemClock()
    try:
        listening = listen(host, port)
    except SocError:
        if not or_any_port:
            raise
        listening = listen(host, 0)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    server = console_server(
        store, Access(password, language()), lambda: {"now": clock.now()}, host, port, None, grafana
    )

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lambda: setattr(server, "should_exit", True))
        await server.serve(sockets=[listening])

    click.echo(t("Console: {address}   one-time password: {password}", address=address, password=password))
    click.echo(t("Ctrl-C stops it."))
    asyncio.run(serve())
