"""The collector by itself: inputs into a spool. ``python -m collectors --settings soc.yml``."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import orjson

from collectors.agent import Agent, check, describe
from collectors.spool import Spool
from soc.core.clock import SystemClock
from soc.core.errors import SocError
from soc.core.settings import Settings, read_settings, size

STOP_SECONDS = 8.0


def main() -> int:
    """Exit status 0 after SIGTERM or SIGINT, 1 when the disk failed, 2 when the settings are unusable."""
    parser = argparse.ArgumentParser(prog="soc-collector", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True, help="soc.yml")
    parser.add_argument("--check", action="store_true", help="say what would be collected, and stop")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two lines of counts")
    options = parser.parse_args()
    try:
        settings = read_settings(options.settings)
        check(settings)
        if options.check:
            for item in settings.inputs:
                say(f"{describe(item)} as {item.device}")
            say(f"spool {spool_folder(settings)}, at most {settings.spool_limit}")
            return 0
        return asyncio.run(collect(settings, options.every))
    except SocError as error:
        report(str(error))
        return 2


def spool_folder(settings: Settings) -> Path:
    """Where received lines wait: in the data folder, beside the store."""
    return Path(settings.data_dir) / "spool"


async def collect(settings: Settings, every: float) -> int:
    """Collect until a signal comes or the disk fails, printing counts as one JSON object a line."""
    spool = Spool(spool_folder(settings), size(settings.spool_limit))
    try:
        agent = Agent(settings, spool, SystemClock(), report)
        await agent.start()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        stopping = asyncio.create_task(stop.wait())
        failing = asyncio.create_task(agent.failed())
        while not (stop.is_set() or failing.done()):
            say(counts(agent, spool))
            await asyncio.wait({stopping, failing}, timeout=every, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, failing):
            task.cancel()
        await agent.stop(STOP_SECONDS)
        say(counts(agent, spool))
        if failing.done() and not failing.cancelled():
            report(failing.result())
            return 1
        return 0
    finally:
        spool.close()


def counts(agent: Agent, spool: Spool) -> str:
    """The counters of every input, and how far the spool is."""
    inputs = {name: counters.as_dict() for name, counters in agent.counters().items()}
    return orjson.dumps({"inputs": inputs, "durable": spool.durable, "spool_bytes": spool.size}).decode()


def say(text: str) -> None:
    """One line for whoever reads standard output, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def report(text: str) -> None:
    """One line for the operator's log."""
    sys.stderr.write(f"soc-collector: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
