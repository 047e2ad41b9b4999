"""One worker of a drill, as a process: writes a line for every event that it has processed.

python -m tests.services.guard_worker SERVERS GROUP TOPIC FOLDER NAME [OPTION...]

Options: guard=off; slow=SECONDS for each event; state: the next offset of each partition is kept in FOLDER/state-P, and
is where the next owner starts; late=SECONDS that storing and restoring take; fail=released or fail=start_at;
buffer=EVENTS that Faust keeps ready.
Lines of FOLDER/NAME: ``partition offset value`` of an event; ``released TIME P...``, ``started TIME P...``; ``ended``.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import faust
from faust.transport.drivers.aiokafka import Transport
from faust.types import TP

from soc.engines.stream.app import guarded_app, run_app
from soc.engines.stream.guard import GuardedApp


class UnguardedApp(GuardedApp):
    """The same settings on Faust's own consumer: what the guard is compared with."""

    def _new_transport(self) -> Any:
        return Transport(self.conf.broker_consumer, self)

    async def on_stop(self) -> None:
        await faust.App.on_stop(self)


class Worker:
    """An agent that notes what it does in a file."""

    def __init__(self, servers: str, group: str, topic: str, folder: Path, name: str, options: dict[str, str]) -> None:
        self.log = (folder / name).open("a", buffering=1)
        self.folder = folder
        self.topic = topic
        self.fail = options.get("fail")
        self.late = float(options.get("late", 0))
        self.slow = float(options.get("slow", 0))
        self.next: dict[int, int] = {}
        self.app = guarded_app(
            group, [servers], folder / f"faust-{name}", stream_buffer_maxsize=int(options.get("buffer", 32))
        )
        if options.get("guard") == "off":
            self.app.__class__ = UnguardedApp
            self.app.sensors.remove(self.app.in_flight)
        else:
            self.app.released = self.released
            if "state" in options:
                self.app.start_at = self.start_at

        @self.app.agent(self.app.topic(topic, value_serializer="raw", key_serializer="raw"))
        async def work(stream: Any) -> None:
            async for event in stream.events():
                if event.value == b"raise":
                    raise ValueError("an event that the agent does not catch")
                if self.slow:
                    await asyncio.sleep(self.slow)
                message = event.message
                self.next[message.partition] = message.offset + 1
                self.say(f"{message.partition} {message.offset} {event.value.decode()}")

    def say(self, line: str) -> None:
        self.log.write(f"{line}\n")

    async def take_time(self, what: str) -> None:
        await asyncio.sleep(self.late)
        if self.fail == what:
            raise OSError(f"no space left for {what}")

    async def released(self, partitions: set[TP]) -> None:
        await self.take_time("released")
        for tp in partitions:
            if tp.partition in self.next:
                (self.folder / f"state-{tp.partition}").write_text(str(self.next.pop(tp.partition)))
        self.say(f"released {time.monotonic()} {' '.join(str(tp.partition) for tp in sorted(partitions))}")

    async def start_at(self, partitions: set[TP]) -> Mapping[TP, int]:
        await self.take_time("start_at")
        starts = {}
        for tp in partitions:
            state = self.folder / f"state-{tp.partition}"
            if tp.topic == self.topic and state.exists():
                starts[tp] = int(state.read_text())
        self.say(f"started {time.monotonic()} {' '.join(str(tp.partition) for tp in sorted(partitions))}")
        return starts

    async def run(self) -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await run_app(self.app, stop)
        self.say("ended")


async def main(servers: str, group: str, topic: str, folder: str, name: str, *options: str) -> None:
    given = dict(option.partition("=")[::2] for option in options)
    await Worker(servers, group, topic, Path(folder), name, given).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
