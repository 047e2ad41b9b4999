"""``soc national-centre``: a mock of the national centre to share with, for drills and for trying it out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from soc.cli.command import translate, verb
from soc.core.clock import SystemClock
from soc.engines.centre_server import KEY_FILE, TOKENS_FILE, prepare, serve_centre
from soc.engines.national_centre import COLLECTION
from soc.engines.service import listen


@verb("national-centre")
@click.option(
    "--data",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default="national-centre",
    show_default=True,
    help="The folder of what it receives, its tokens and its key.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8790, show_default=True, help="The port (0: any).")
@click.option(
    "--cert", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its certificate (PEM), for TLS."
)
@click.option("--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The certificate's key.")
@click.option(
    "--secrets",
    "given",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of its tokens and key of receipts, if not --data.",
)
def command(folder: Path, host: str, port: int, cert: Path | None, key: Path | None, given: Path | None) -> None:
    """Run a mock of the national centre: a TAXII 2.1 server with receipts, until Ctrl-C.

    Its page shows what arrived from whom and when (sign in as admin, with admin's token from the folder's file of
    tokens). POST /faults with that token switches faults on for a drill.
    """
    t = translate()
    if (cert is None) != (key is None):
        raise click.UsageError(t("--cert and --key go together"))
    prepare(folder, given)
    listening = listen(host, port)
    listening.listen()  # whoever reads the address may come at once
    address = f"{'https' if cert else 'http'}://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    click.echo(t("National centre (mock): {address}/api/   collection: {id}", address=address, id=COLLECTION))
    click.echo(
        t(
            "Tokens: {tokens}   key of receipts: {key}",
            tokens=(given or folder) / TOKENS_FILE,
            key=(given or folder) / KEY_FILE,
        )
    )
    click.echo(t("Ctrl-C stops it."))
    asyncio.run(serve_centre(folder, SystemClock(), listening, given or folder, (cert, key) if cert and key else None))
