"""``soc console``: the console on a store, without collecting anything."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Callable
from pathlib import Path

import click

from soc.cli.alerts import data_folder, settings_asked, store_opener, store_option
from soc.cli.command import language, translate, verb
from soc.core.clock import SystemClock
from soc.core.errors import SocError
from soc.core.store import Store
from soc.engines.desk import Desk
from soc.engines.service import carry_on, console_server, listen
from soc.web import Access
from soc.web.accounts import ACCOUNTS_FILE, Accounts


@verb("console")
@store_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="The port (0: any).")
@click.option("--grafana", default="", metavar="URL", help="Grafana's address: alerts link to its triage queue.")
def command(path: Path | None, host: str, port: int, grafana: str) -> None:
    """Serve the console on a store until Ctrl-C."""
    if grafana and not grafana.startswith(("http://", "https://")):
        raise SocError("--grafana must begin with http:// or https://")
    opener = store_opener(path)
    opener().close()
    accounts = Accounts(data_folder(path) / ACCOUNTS_FILE)
    desk = Desk(settings_asked(), data_folder(path))
    serve_console(opener, store_opener(path, write=True), accounts, desk, host, port, grafana=grafana)


def serve_console(
    store: Callable[[], Store],
    to_act: Callable[[], Store],
    accounts: Accounts,
    desk: Desk,
    host: str,
    port: int,
    *,
    or_any_port: bool = False,
    grafana: str = "",
) -> None:
    """Prints the address, and a one-time password where there are no accounts, and serves until Ctrl-C or SIGTERM.
    to_act opens the store for what people do about alerts.

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
    access = Access(secrets.token_urlsafe(9), language(), accounts)
    server = console_server(
        store,
        access,
        lambda: {"now": clock.now()},
        host,
        port,
        open_to_act=to_act,
        playbooks=desk,
        grafana=grafana,
    )

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lambda: setattr(server, "should_exit", True))
        carrying_on = asyncio.create_task(carry_on(desk))
        try:
            await server.serve(sockets=[listening])
        finally:
            carrying_on.cancel()

    if accounts.any():
        click.echo(t("Console: {address}   sign in with your account", address=address))
    else:
        click.echo(t("Console: {address}   one-time password: {password}", address=address, password=access.password))
    click.echo(t("Ctrl-C stops it."))
    asyncio.run(serve())
