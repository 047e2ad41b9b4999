"""Linux sign-ins and accounts: sshd, PAM, sudo, su, login, systemd-logind, useradd and its kin."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from soc.core.event import Event
from soc.core.logsource import Dataset, LogSource
from soc.parsers import _accounts as accounts
from soc.parsers import _sshd as sshd
from soc.parsers._device import Device, Line, ParseError
from soc.parsers._event import new_event
from soc.parsers._pam import HEAD, more_failures, pam

Handler = Callable[[Event, str], bool]

_REPEATED = re.compile(r"message repeated (\d{1,9}) times: \[ ?(.*)\]\Z", re.ASCII | re.DOTALL)
_SHADOW: Final = (
    *("useradd", "userdel", "usermod", "groupadd", "groupdel", "groupmod", "gpasswd", "passwd", "chpasswd"),
    *("chage", "newusers", "adduser", "vipw"),
)
_PROGRAMS: Final[dict[str, tuple[str, Handler | None]]] = {
    **dict.fromkeys(("sshd", "sshd-session", "sshd-auth"), ("linux.sshd", None)),
    "sudo": ("linux.sudo", accounts.sudo),
    **dict.fromkeys(("su", "su-l", "runuser"), ("linux.su", accounts.su)),
    "pkexec": ("linux.su", accounts.pkexec),
    "systemd-logind": ("linux.session", accounts.logind),
    "login": ("linux.auth", accounts.login),
    **dict.fromkeys(_SHADOW, ("linux.accounts", accounts.accounts)),
}


def parse(line: Line) -> Event:
    """A line of any of these programs, or of a PAM module in another; ParseError for the rest."""
    program = line.program
    known = _PROGRAMS.get(program)
    text = line.text
    if known:
        dataset, handler = known
    elif looks_like(text):
        dataset, handler = ("linux.auth" if text.startswith("pam_") else "linux.sshd"), None
    else:
        raise ParseError(f"{program or 'this'} is no sign-in or account program")
    event = new_event(line, "linux", dataset)
    if program:
        event["process.name"] = program
    if text.startswith("message repeated ") and (repeated := _REPEATED.match(text)):
        event["linux.auth.repeated"] = int(repeated[1])
        text = repeated[2]
    if (text.startswith("pam_") and pam(event, text)) or (text.startswith("PAM ") and more_failures(event, text)):
        return event
    if handler is None:
        if text.startswith(("error: ", "fatal: ")):
            event["log.level"], _, text = text.partition(": ")
        handler = sshd.HANDLERS.get(text.partition(" ")[0])
    if handler is None or not handler(event, text):
        event["message"] = line.text
    return event


def looks_like(text: str) -> bool:
    """A PAM module's line, or a sign-in by SSH."""
    if text.startswith("pam_"):
        return HEAD.match(text) is not None
    return text[:1] in {"A", "F", "I", "P"} and sshd.LOOKS.match(text) is not None


def _sources(*services: str) -> tuple[LogSource, ...]:
    return tuple(LogSource(None, "linux", service) for service in services)


_BASE: Final = frozenset(
    {
        *("event.category", "event.type", "event.action", "event.outcome", "host.name", "message"),
        *("process.name", "process.pid", "user.name"),
    }
)
_ORIGIN: Final = frozenset({"source.domain", "source.ip"})

DEVICE = Device(
    name="linux_auth",
    title="Linux sign-ins and accounts: OpenSSH, PAM, sudo, su, login, logind, shadow",
    parse=parse,
    looks_like=looks_like,
    programs=frozenset(_PROGRAMS),
    datasets={
        "linux.sshd": Dataset(
            _sources("sshd", "auth"),
            _BASE
            | _ORIGIN
            | {
                *("event.reason", "log.level", "source.port", "linux.auth.method", "linux.auth.key"),
                *("linux.auth.key_type", "linux.auth.invalid_user", "linux.auth.preauth", "linux.auth.repeated"),
            },
        ),
        "linux.pam": Dataset(
            _sources("pam", "auth", "sshd", "sudo", "su"),
            _BASE
            | _ORIGIN
            | {
                *("event.reason", "user.id", "user.target.name", "linux.auth.module", "linux.auth.service"),
                *("linux.auth.by", "linux.auth.by_id", "linux.auth.tty", "linux.auth.repeated"),
            },
        ),
        "linux.sudo": Dataset(
            _sources("sudo", "auth"),
            _BASE
            | {
                *("event.reason", "group.name", "user.effective.name", "process.command_line"),
                *("process.executable", "process.working_directory", "linux.auth.tty"),
            },
        ),
        "linux.su": Dataset(
            _sources("su", "auth"),
            _BASE
            | {
                *("event.reason", "user.effective.name", "process.command_line"),
                *("process.working_directory", "linux.auth.tty"),
            },
        ),
        "linux.session": Dataset(_sources("auth"), _BASE | {"linux.auth.session"}),
        "linux.accounts": Dataset(
            _sources("auth"),
            _BASE | {"event.reason", "group.id", "group.name", "user.target.id", "user.target.name"},
        ),
        "linux.auth": Dataset(_sources("auth"), _BASE | _ORIGIN | {"linux.auth.tty"}),
    },
)
