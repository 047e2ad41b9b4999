"""How playbooks reach the world: the part ``playbooks`` of soc.yml. Secrets are in files of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from soc.core.errors import SettingsError

_Url = Annotated[str, Meta(pattern=r"^https?://[^\s@#]+$")]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class SmtpSettings(_Strict, frozen=True):
    """The mail server that takes messages. tls "none" is for a server on this machine.

    mailboxes  whom playbooks call helpdesk, mail_admin and so on
    """

    host: str
    sender: Annotated[str, Meta(pattern=r"^[^\s@<>]+@[^\s@<>]+$")]
    port: Annotated[int, Meta(ge=1, le=65535)] = 25
    tls: Literal["none", "starttls", "tls"] = "starttls"
    user: str = ""
    password_file: str = ""
    ca: str = ""
    mailboxes: dict[str, Annotated[str, Meta(pattern=r"^[^\s@<>,;]+@[^\s@<>,;]+$")]] = {}


class HookSettings(_Strict, frozen=True):
    """An address that messages are posted to, as JSON.

    private   it may be an address that is not of the Internet; otherwise such are refused, however a name resolves
    asks      GET of the address with the header Idempotency-Key says 200 for what was done, else 404
    """

    url: _Url
    token_file: str = ""
    ca: str = ""
    private: bool = False
    asks: bool = False


class FortiGateSettings(_Strict, frozen=True):
    """A FortiGate's REST interface; token_file holds the token of an administrator who may write its addresses."""

    url: _Url
    token_file: str
    ca: str = ""
    vdom: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,31}$")] = "root"


class PlaybookSettings(_Strict, frozen=True):
    """folders: playbooks beside the shipped ones. never_touch: the file of what no action may touch; nothing
    disruptive is done without it."""

    folders: tuple[str, ...] = ()
    never_touch: str = ""
    smtp: SmtpSettings | None = None
    hooks: dict[str, HookSettings] = {}
    fortigate: FortiGateSettings | None = None


Server = TypeVar("Server", SmtpSettings, HookSettings, FortiGateSettings)
_FILES = ("password_file", "token_file", "ca")


def with_paths(path: Path, settings: PlaybookSettings) -> PlaybookSettings:
    """The same with absolute paths. SettingsError if a file or folder is not there."""
    base = path.resolve().parent
    for key, named in (("never_touch", (settings.never_touch,)), ("folders", settings.folders)):
        for one in named:
            if one and not (base / one).exists():
                raise SettingsError(path, f"playbooks.{key}", "{file} does not exist", file=base / one)
    hooks = {name: _with_files(path, f"hooks.{name}", hook) for name, hook in settings.hooks.items()}
    return msgspec.structs.replace(
        settings,
        folders=tuple(str(base / folder) for folder in settings.folders),
        never_touch=str(base / settings.never_touch) if settings.never_touch else "",
        smtp=_with_files(path, "smtp", settings.smtp) if settings.smtp else None,
        hooks=hooks,
        fortigate=_with_files(path, "fortigate", settings.fortigate) if settings.fortigate else None,
    )


def _with_files(path: Path, key: str, server: Server) -> Server:
    named = {name: str(path.resolve().parent / given) for name in _FILES if (given := getattr(server, name, ""))}
    for name, file in named.items():
        if not Path(file).is_file():
            raise SettingsError(path, f"playbooks.{key}.{name}", "{file} does not exist", file=file)
    return msgspec.structs.replace(server, **named)
