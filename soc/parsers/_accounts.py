"""Becoming another user and changing accounts: sudo, su, pkexec, login, logind, and the shadow tools.

Formats: sudo 1.8 to 1.9 (sudoers(5), event logging), util-linux and shadow su and login, shadow 4 (useradd and
the like), systemd-logind, polkit's pkexec.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from soc.core.event import Event
from soc.parsers._address import ip

Handler = Callable[[Event, str], bool]

_SU = re.compile(r"(FAILED SU |)\(to (\S{1,255})\) (\S{1,255}) on (\S{1,64})", re.ASCII)
_SHADOW_SU = re.compile(r"(Successful|FAILED) su for (\S{1,255}) by (\S{1,255})", re.ASCII)
_OLD_SU = re.compile(r"([+-]) (\S{1,64}) ([^\s:]{1,255}):(\S{1,255})", re.ASCII)
_PKEXEC = re.compile(
    r"(\S{1,255}): (.{0,400}?) \[USER=([^\]]*+)\] \[TTY=([^\]]*+)\] \[CWD=([^\]]*+)\] \[COMMAND=(.*)\]"
)
_SESSION = re.compile(r"New session '?([\w-]{1,40})'? of user '?([^\s']{1,255})", re.ASCII)
_SESSION_END = re.compile(r"(?:Removed session|Session) (\w{1,40})(?:\.| logged out)", re.ASCII)
_LOGIN = re.compile(
    r"(?:(FAILED LOGIN)(?: \(?\d{1,6}\)?)?(?: on '[^']{1,64}')?(?: FROM (\S{1,255}))? FOR '?([^',]{1,255})'?"
    r"|(?:ROOT )?LOGIN ON (\S{1,64})(?: BY (\S{1,255}))?(?: FROM (\S{1,255}))?)",
    re.ASCII,
)
_NEW = re.compile(r"new (user|group): name=([^,\s]{1,255})(?:, UID=(\d{1,10}))?(?:, GID=(\d{1,10}))?", re.ASCII)
_GROUP_ADDED = re.compile(r"group added to \S{1,255}: name=([^,\s]{1,255})(?:, GID=(\d{1,10}))?", re.ASCII)
_MEMBER = re.compile(r"(add|delete) '([^']{1,255})' (?:to|from) (?:shadow )?group '([^']{1,255})'")
_BY_ADMIN = re.compile(r"user (\S{1,255}) (added|removed) by (\S{1,255}) (?:to|from) group (\S{1,255})")
_CHANGED = re.compile(r"(change|lock|unlock) user (?:name )?'([^']{1,255})'(?: (.*))?", re.DOTALL)
_DELETED = re.compile(r"(?:delete user '([^']{1,255})'|(?:removed |shadow )*group '([^']{1,255})' (?:removed|owned))")
_PASSWORD = re.compile(r"password for '([^']{1,255})' changed by '([^']{1,255})'")


def sudo(event: Event, text: str) -> bool:
    """lan : TTY=pts/0 ; PWD=/home/lan ; USER=root ; COMMAND=/bin/ls, with a reason in front where it was refused."""
    user, separator, rest = text.strip().partition(" : ")
    before, _, command = rest.partition("COMMAND=")
    if not separator or " " in user or not command:
        return False
    event["event.action"] = "sudo_command"
    event["user.name"] = user
    event["process.command_line"] = command
    if command[:1] == "/":
        event["process.executable"] = command.partition(" ")[0]
    refused = ""
    for part in before.split(" ; "):
        name, equals, value = part.partition("=")
        if not equals:
            refused = refused or part.strip()
        elif name == "USER":
            event["user.effective.name"] = value
        elif name == "PWD":
            event["process.working_directory"] = value
        elif name == "TTY":
            event["linux.auth.tty"] = value
        elif name == "GROUP":
            event["group.name"] = value
    if refused:
        event["event.category"] = ("authentication", "process")
        event["event.type"] = ("denied",)
        event["event.outcome"] = "failure"
        event["event.reason"] = refused
    else:
        event["event.category"] = ("process",)
        event["event.type"] = ("start",)
        event["event.outcome"] = "success"
    return True


def su(event: Event, text: str) -> bool:
    """(to root) lan on pts/1; FAILED SU (to root) lan on pts/1; shadow's "FAILED su for root by lan" """
    if found := _SU.match(text):
        failed, target, user, terminal = found.groups()
        event["linux.auth.tty"] = terminal
    elif found := _SHADOW_SU.match(text):
        word, target, user = found.groups()
        failed = "" if word == "Successful" else word
    elif found := _OLD_SU.match(text):
        mark, event["linux.auth.tty"], user, target = found.groups()
        failed = "" if mark == "+" else mark
    else:
        return False
    _switched(event, "su", user, target, not failed)
    return True


def pkexec(event: Event, text: str) -> bool:
    """lan: Executing command [USER=root] [TTY=unknown] [CWD=/home/lan] [COMMAND=/usr/bin/id]"""
    found = _PKEXEC.match(text)
    if not found:
        return False
    user, said, target, terminal, folder, command = found.groups()
    done = said == "Executing command"
    _switched(event, "pkexec_command", user, target, done)
    if not done:
        event["event.reason"] = said
    event["linux.auth.tty"] = terminal
    event["process.working_directory"] = folder
    event["process.command_line"] = command
    return True


def logind(event: Event, text: str) -> bool:
    """New session 12 of user lan. / Session 12 logged out. / Removed session 12."""
    if found := _SESSION.match(text):
        event["event.action"] = "session_opened"
        event["event.type"] = ("start",)
        event["user.name"] = found[2].removesuffix(".")
    elif found := _SESSION_END.match(text):
        event["event.action"] = "session_removed" if text[0] == "R" else "session_closed"
        event["event.type"] = ("end",)
    else:
        return False
    event["event.category"] = ("session",)
    event["event.outcome"] = "success"
    event["linux.auth.session"] = found[1]
    return True


def login(event: Event, text: str) -> bool:
    """FAILED LOGIN (1) on '/dev/tty1' FOR 'root', Authentication failure; LOGIN ON tty1 BY lan"""
    found = _LOGIN.match(text)
    if not found:
        return False
    failed, failed_from, failed_user, terminal, user, origin = found.groups()
    event["event.action"] = "login"
    event["event.category"] = ("authentication",)
    event["event.type"] = ("start",)
    event["event.outcome"] = "failure" if failed else "success"
    event["user.name"] = failed_user or user or "root"
    if terminal:
        event["linux.auth.tty"] = terminal
    if host := failed_from or origin:
        if address := ip(host):
            event["source.ip"] = address
        else:
            event["source.domain"] = host
    return True


def accounts(event: Event, text: str) -> bool:
    """What useradd, usermod, userdel, groupadd, gpasswd and passwd did."""
    if found := _NEW.match(text):
        kind, name, uid, gid = found.groups()
        _changed(event, f"{kind}_created", (kind, "creation"))
        if kind == "user":
            event["user.target.name"] = name
            if uid:
                event["user.target.id"] = uid
        else:
            event["group.name"] = name
        if gid:
            event["group.id"] = gid
    elif found := _GROUP_ADDED.match(text):
        _changed(event, "group_created", ("group", "creation"))
        event["group.name"] = found[1]
        if found[2]:
            event["group.id"] = found[2]
    elif found := _MEMBER.match(text):
        _membership(event, found[1] == "add", found[2], found[3])
    elif found := _BY_ADMIN.match(text):
        _membership(event, found[2] == "added", found[1], found[4])
        event["user.name"] = found[3]
    elif found := _CHANGED.match(text):
        word, name, what = found.groups()
        _changed(event, "user_changed" if word == "change" else f"user_{word}ed", ("user", "change"))
        event["user.target.name"] = name
        if what:
            event["event.reason"] = what
    elif found := _DELETED.match(text):
        kind = "user" if found[1] else "group"
        _changed(event, f"{kind}_deleted", (kind, "deletion"))
        event["user.target.name" if found[1] else "group.name"] = found[1] or found[2]
    elif found := _PASSWORD.match(text):
        _changed(event, "password_changed", ("user", "change"))
        event["user.target.name"] = found[1]
        event["user.name"] = found[2]
    else:
        return False
    return True


def _membership(event: Event, added: bool, user: str, group: str) -> None:
    _changed(event, "group_member_added" if added else "group_member_removed", ("group", "change"))
    event["user.target.name"] = user
    event["group.name"] = group


def _changed(event: Event, action: str, kinds: tuple[str, ...]) -> None:
    event["event.action"] = action
    event["event.category"] = ("iam",)
    event["event.type"] = kinds
    event["event.outcome"] = "success"


def _switched(event: Event, action: str, user: str, target: str, done: bool) -> None:
    event["event.action"] = action
    event["event.category"] = ("authentication",)
    event["event.type"] = ("start",)
    event["event.outcome"] = "success" if done else "failure"
    event["user.name"] = user
    event["user.effective.name"] = target
