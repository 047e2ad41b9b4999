"""Loads a set of rules in a process of its own, and says what is wrong with it. The service goes on meanwhile.

In a process, because compiling thousands of rules takes seconds that a thread would take from the pipeline,
and because rules that break the compiler, or eat all memory, then break something that nobody needs.
"""

from __future__ import annotations

import asyncio
import os
import sys

import msgspec

from soc.core.errors import Problem, SocError
from soc.core.settings import Settings
from soc.pipeline.build import content_of

TRIAL_SECONDS = 120.0
NICER = 5


async def problems_of(settings: Settings, now: int) -> list[Problem]:
    """What loading the rules as of now (µs) finds wrong. SocError if it comes to no end."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "soc.engines.trial",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the service, which ends this process itself
    )
    try:
        async with asyncio.timeout(TRIAL_SECONDS):
            answer, complaint = await child.communicate(msgspec.json.encode((settings, now)))
    except TimeoutError as error:
        raise SocError("loading the rules takes longer than {seconds} s", seconds=f"{TRIAL_SECONDS:.0f}") from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        last = complaint.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise SocError("loading the rules ended with status {status}: {why}", status=child.returncode, why=last[:500])
    found = msgspec.json.decode(answer, type=list[Problem] | str)
    if isinstance(found, str):
        raise SocError(found)
    return found


def main() -> None:
    """The child: settings as JSON on standard input; on standard output the problems, or why there is no set at all."""
    os.nice(NICER)
    settings, now = msgspec.json.decode(sys.stdin.buffer.read(), type=tuple[Settings, int])
    try:
        found: tuple[Problem, ...] | str = content_of(settings, now).problems
    except (SocError, OSError) as error:
        found = str(error)
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
