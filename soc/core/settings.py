"""soc.yml: everything ``soc run`` is told, checked as a whole before anything starts.

Durations are text such as "10s", "5m", "12h", "90d"; sizes "500MB", "20GB". Paths are relative to the file.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from soc.core.errors import SettingsError
from soc.core.responding import PlaybookSettings, with_paths
from soc.core.yamlfile import read_struct

Duration = Annotated[str, Meta(pattern=r"^\d{1,7}(s|m|h|d)$")]
Size = Annotated[str, Meta(pattern=r"^\d{1,7}(KB|MB|GB|TB)$")]
Port = Annotated[int, Meta(ge=0, le=65535)]
Zone = Annotated[str, Meta(pattern=r"^[+-]\d{2}:\d{2}$")]

_OUTSIDE = r"^(https://[^\s?#@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?(/[^\s?#@]*)?)?$"
"""An address that a secret may be sent to: TLS, unless it is this machine."""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4}


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class SyslogInput(_Strict, frozen=True, tag_field="type", tag="syslog"):
    """A syslog port. framing "auto" accepts octet-counted and newline frames on one TCP port (RFC 6587)."""

    protocol: Literal["udp", "tcp"]
    port: Port
    host: str = "127.0.0.1"
    device: str = "auto"
    framing: Literal["auto", "octet", "newline"] = "auto"
    max_line: Annotated[int, Meta(ge=480, le=1024 * 1024)] = 65536


class RelpInput(_Strict, frozen=True, tag_field="type", tag="relp"):
    """A RELP port (rsyslog's omrelp): every line is answered once it is on disk."""

    port: Port
    host: str = "127.0.0.1"
    device: str = "auto"
    max_line: Annotated[int, Meta(ge=480, le=1024 * 1024)] = 65536


class FileInput(_Strict, frozen=True, tag_field="type", tag="file"):
    """A file followed through rotation; path may hold * and ?."""

    path: Annotated[str, Meta(min_length=1)]
    device: str = "auto"
    start: Literal["beginning", "end"] = "beginning"


Input = SyslogInput | RelpInput | FileInput


class RetentionSettings(_Strict, frozen=True):
    """How long events stay, and how large the store may grow; alerts and their evidence stay."""

    age: Duration = "90d"
    size: Size = "20GB"


class ConsoleSettings(_Strict, frozen=True):
    """Where the console listens; enabled: false for a machine without people."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Port = 8765


class KafkaSettings(_Strict, frozen=True):
    """How to reach Kafka, and how the topics are laid out. Secrets are in files of their own, never in soc.yml.

    servers        "host:port", some of the brokers
    prefix         of the names of all topics and groups: soc.raw, soc.signals ...
    user           of SASL/SCRAM-SHA-512 with the password in password_file; "" for none
    ca             PEM file of the authority that signed the brokers' certificates; given, the connection is TLS
    partitions     of soc.raw, by collector, and of what follows from it
    replication    copies of each record; with 3, two of them must be written before a record counts as sent
    retention      how long raw lines stay, which is how far back anything can be replayed
    """

    servers: tuple[Annotated[str, Meta(pattern=r"^\S+:\d{1,5}$")], ...] = ()
    prefix: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,50}$")] = "soc"
    user: str = ""
    password_file: str = ""
    ca: str = ""
    partitions: Annotated[int, Meta(ge=1, le=1024)] = 4
    replication: Annotated[int, Meta(ge=1, le=7)] = 1
    retention: Duration = "7d"


class ElasticsearchSettings(_Strict, frozen=True):
    """How to reach Elasticsearch. Secrets are in files of their own, never in soc.yml.

    urls          "https://host:9200" of some nodes
    api_key_file  holds the encoded API key; or user with password_file
    ca            PEM file of the authority that signed its certificate
    namespace     the last part of the names of data streams: logs-soc.<dataset>-<namespace>
    """

    urls: tuple[Annotated[str, Meta(pattern=r"^https?://\S+$")], ...] = ()
    api_key_file: str = ""
    user: str = ""
    password_file: str = ""
    ca: str = ""
    namespace: Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,50}$")] = "default"


class ShareSettings(_Strict, frozen=True):
    """What is shared with the national centre, and how to reach it. Secrets are in files of their own.

    url           its TAXII 2.1 API root, "https://centre/api/"; plain http to this machine only
    collection    the id of the collection that takes our objects
    token_file    holds the bearer token
    receipt_key_file  holds the key of its receipts; given, an item is accepted only with a genuine one for each object
    ca            PEM file of the authority that signed its certificate
    organisation  who we are, in what is sent; without it, the inventory's name
    tlp           who may be told (TLP 2.0); amber+strict and red are held until a person releases them
    min_severity  of the alerts that soc share queue --since takes
    """

    url: Annotated[str, Meta(pattern=_OUTSIDE)] = ""
    collection: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{0,64}$")] = ""
    token_file: str = ""
    receipt_key_file: str = ""
    ca: str = ""
    organisation: str = ""
    tlp: Literal["clear", "green", "amber", "amber+strict", "red"] = "amber"
    min_severity: Literal["informational", "low", "medium", "high", "critical"] = "high"


class StreamSettings(_Strict, frozen=True):
    """A worker of the distributed engine.

    idle      a partition whose lines have all been read, and that got none for so long, is not waited for
    hold      how far behind the others in event time a source may be and still be waited for: a stopped clock must not
              hold everybody up; when old files are sent, as long as the longest pause in one of them
    snapshot  how often the state of a partition is stored; what came since is read again after a crash
    port      of health and metrics; 0 takes a free one
    """

    idle: Duration = "60s"
    hold: Duration = "10m"
    snapshot: Duration = "5s"
    host: str = "127.0.0.1"
    port: Port = 6066


class Settings(_Strict, frozen=True):
    """The whole of soc.yml.

    name  of this collector, in the origin of its lines and as their key in Kafka
    """

    inputs: tuple[Input, ...] = ()
    data_dir: str = "soc-data"
    inventory: str = ""
    rules: tuple[str, ...] = ()
    shipped_rules: bool = True
    reload: Duration = "2s"
    timezone: Zone = "+07:00"
    lateness: Duration = "10s"
    fold: Duration = "24h"
    retention: RetentionSettings = RetentionSettings()
    console: ConsoleSettings = ConsoleSettings()
    spool_limit: Size = "2GB"
    language: Literal["vi", "en"] = "en"
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = ""
    kafka: KafkaSettings = KafkaSettings()
    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    stream: StreamSettings = StreamSettings()
    share: ShareSettings = ShareSettings()
    playbooks: PlaybookSettings = PlaybookSettings()


def read_settings(path: Path) -> Settings:
    """A checked soc.yml with absolute paths. SettingsError names file, line and key."""
    settings = read_struct(path, Settings)
    base = path.resolve().parent
    rules = tuple(str(base / folder) for folder in settings.rules)
    inputs = tuple(
        msgspec.structs.replace(item, path=str(base / item.path)) if isinstance(item, FileInput) else item
        for item in settings.inputs
    )
    for folder in rules:
        if not Path(folder).exists():
            raise SettingsError(path, "rules", "{file} does not exist", file=folder)
    inventory = str(base / settings.inventory) if settings.inventory else ""
    if inventory and not Path(inventory).is_file():
        raise SettingsError(path, "inventory", "{file} does not exist", file=inventory)
    return msgspec.structs.replace(
        settings,
        data_dir=str(base / settings.data_dir),
        rules=rules,
        inputs=inputs,
        inventory=inventory,
        kafka=_with_files(path, "kafka", settings.kafka),
        elasticsearch=_with_files(path, "elasticsearch", settings.elasticsearch),
        share=_with_files(path, "share", settings.share),
        playbooks=with_paths(path, settings.playbooks),
    )


_FILES = ("password_file", "api_key_file", "ca", "token_file", "receipt_key_file")
Server = TypeVar("Server", KafkaSettings, ElasticsearchSettings, ShareSettings)


def _with_files(path: Path, section: str, server: Server) -> Server:
    """A server's settings with the files beside soc.yml that they name, all of which must be there."""
    named = {name: str(path.resolve().parent / given) for name in _FILES if (given := getattr(server, name, ""))}
    for name, file in named.items():
        if not Path(file).is_file():
            raise SettingsError(path, f"{section}.{name}", "{file} does not exist", file=file)
    if bool(getattr(server, "user", "")) != ("password_file" in named):
        raise SettingsError(path, section, "user and password_file go together")
    return msgspec.structs.replace(server, **named)


def secret(file: str) -> str:
    """What a file of secrets holds, without the line end. SettingsError if it cannot be read or is empty."""
    try:
        text = Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(file, error) from error
    if not text:
        raise SettingsError(file, "is empty")
    return text


def duration(text: str) -> int:
    """ "5m" -> 300_000_000 µs."""
    return int(text[:-1]) * _SECONDS[text[-1]] * 1_000_000


def size(text: str) -> int:
    """ "20GB" -> 20_000_000_000 bytes."""
    return int(text[:-2]) * _BYTES[text[-2:]]


def zone_seconds(text: str) -> int:
    """ "+07:00" -> 25200, seconds east of UTC. ValueError for other forms or more than 14 hours."""
    found = re.fullmatch(r"([+-])(\d{2}):?(\d{2})", text)
    if not found or (seconds := int(found[2]) * 3600 + int(found[3]) * 60) > 14 * 3600:
        raise ValueError(f"{text!r} is no time zone such as +07:00")
    return seconds if found[1] == "+" else -seconds


def moment(text: str, now: int) -> int:
    """A point in time as people type it: "2026-10-05", an ISO time (local zone +07:00 if none), or "24h" ago; in µs."""
    if re.fullmatch(r"\d{1,7}(s|m|h|d)", text):
        return now - duration(text)
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is neither a time nor a duration such as 24h") from error
    if parsed.tzinfo is None:
        return int(parsed.replace(tzinfo=UTC).timestamp() * 1_000_000) - zone_seconds("+07:00") * 1_000_000
    return int(parsed.timestamp() * 1_000_000)
