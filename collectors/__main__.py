"""The collector by itself: inputs into a spool, and from there to Kafka if soc.yml names one.

``python -m collectors --settings soc.yml``
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import orjson

from collectors import kafka
from collectors.agent import Agent, check, describe
from collectors.kafka import KafkaOutput
from collectors.kafka_state import Sent
from collectors.spool import Spool
from soc.core.clock import SystemClock
from soc.core.errors import SocError
from soc.core.settings import Settings, read_settings, size

STOP_SECONDS = 8.0
SEND_SECONDS = 3.0
"""Of these, for sending what was taken last to Kafka."""


def main() -> int:
    """Exit status 0 after SIGTERM or SIGINT, 1 when the disk failed, 2 when the settings are unusable."""
    parser = argparse.ArgumentParser(prog="soc-collector", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--settings", type=Path, required=True, help="soc.yml")
    parser.add_argument("--check", action="store_true", help="say what would be collected, and stop")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two lines of counts")
    options = parser.parse_args()
    try:
        settings = read_settings(options.settings)
        check(settings)
        if settings.kafka.servers:
            kafka.check(settings)
        if options.check:
            for item in settings.inputs:
                say(f"{describe(item)} as {item.device}")
            say(f"spool {spool_folder(settings)}, at most {settings.spool_limit}")
            if settings.kafka.servers:
                say(f"send to Kafka at {', '.join(settings.kafka.servers)} as {settings.name}")
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
    file = kafka.sent_file(settings)
    sent, damage = file.read() if settings.kafka.servers else (Sent(), "")
    spool = Spool(spool_folder(settings), size(settings.spool_limit), sent.position)
    try:
        if damage:
            report(damage)
        output = KafkaOutput(settings, spool, file, sent, report) if settings.kafka.servers else None
        agent = Agent(settings, spool, SystemClock(), report)
        await agent.start()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        stopping = asyncio.create_task(stop.wait())
        failing = asyncio.create_task(agent.failed())
        sending = asyncio.create_task(output.run()) if output else None
        waited = {stopping, failing, sending} if sending else {stopping, failing}
        while not any(task.done() for task in waited):
            say(counts(agent, spool, output))
            await asyncio.wait(waited, timeout=every, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, failing):
            task.cancel()
        await agent.stop(STOP_SECONDS - SEND_SECONDS if output else STOP_SECONDS)
        why = failing.result() if failing.done() and not failing.cancelled() else ""
        if output and sending:
            await output.stop(0 if why else SEND_SECONDS)
            (ended,) = await asyncio.gather(sending, return_exceptions=True)
            why = why or (f"{type(ended).__name__}: {ended}" if ended else "")
        say(counts(agent, spool, output))
        if why:
            report(why)
        return 1 if why else 0
    finally:
        spool.close()


def counts(agent: Agent, spool: Spool, output: KafkaOutput | None = None) -> str:
    """The counters of every input, how far the spool is, and what Kafka has of it."""
    told: dict[str, object] = {
        "inputs": {name: counters.as_dict() for name, counters in agent.counters().items()},
        "durable": spool.durable,
        "spool_bytes": spool.size,
    }
    if output:
        told["kafka"] = output.counters().as_dict()
    return orjson.dumps(told).decode()


def say(text: str) -> None:
    """One line for whoever reads standard output, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def report(text: str) -> None:
    """One line for the operator's log."""
    sys.stderr.write(f"soc-collector: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
