"""The protocol objects of Suricata's EVE records (http, tls, smtp and email, files, flow, ...) as ECS tables.

Source: Suricata user guide, "EVE JSON Format", versions 5 to 8. They stand in events of their own type
and inside alerts alike. What ECS has no field for is in ``suricata.eve.*``, named as Suricata names it.
"""

from __future__ import annotations

import re
from typing import Any, Final

from soc.core.event import Event
from soc.parsers._eve import (
    MOST_ITEMS,
    Table,
    Target,
    address,
    flag,
    layout,
    moment,
    nested,
    number,
    special,
    strings,
    text,
    texts,
)
from soc.parsers._url import ABSOLUTE_FIELDS, TARGET_FIELDS, put_host, put_target

_ADDRESS_IN: Final = re.compile(r"<([^<>]*+)>")
_TLS_VERSIONS: Final = {
    "TLS 1.3": ("tls", "1.3"),
    "TLS 1.2": ("tls", "1.2"),
    "TLS 1.1": ("tls", "1.1"),
    "TLSv1": ("tls", "1.0"),
    "SSLv3": ("ssl", "3"),
    "SSLv2": ("ssl", "2"),
}


def _put_version(event: Event, value: Any) -> None:
    if type(value) is str and value.startswith("HTTP/"):
        event["http.version"] = value[5:13]


_put_http_fields, _HTTP_FIELDS = layout(
    {
        "http_method": text("http.request.method"),
        "http_refer": text("http.request.referrer"),
        "http_user_agent": text("user_agent.original"),
        "http_content_type": text("http.response.mime_type"),
        "protocol": special(_put_version, "http.version"),
        # HTTP/2 alone.
        "version": text("http.version"),
        "status": number("http.response.status_code"),
        "length": number("http.response.body.bytes"),
        "redirect": text("suricata.eve.http.redirect"),
        "xff": address("network.forwarded_ip"),
    }
)


def _put_http(event: Event, http: Any) -> None:
    if type(http) is not dict:
        return
    _put_http_fields(event, http)
    url, host, port = http.get("url"), http.get("hostname"), http.get("http_port")
    if type(host) is str and host:
        put_host(event, host)
        if type(port) is int:
            event["url.port"] = port
            host = f"{host}:{port}"
    if type(url) is not str:
        return
    put_target(event, url)
    if "url.scheme" in event:
        event["url.full"] = url
    elif type(host) is str and host and url[:1] == "/":
        event["url.scheme"] = "http"
        event["url.full"] = f"http://{host}{url}"


def _put_tls_version(event: Event, value: Any) -> None:
    if type(value) is str and value in _TLS_VERSIONS:
        event["tls.version_protocol"], event["tls.version"] = _TLS_VERSIONS[value]


def _put_fingerprint(event: Event, value: Any) -> None:
    if type(value) is str:
        event["tls.server.hash.sha1"] = value.replace(":", "").upper()


def _put_name(event: Event, value: Any) -> None:
    """A file's name may be the path of the URL that it came from."""
    if type(value) is not str or not value:
        return
    name = value.rpartition("/")[2]
    event["file.name"] = name or value
    if "/" in value:
        event["file.path"] = value
    stem, dot, extension = name.rpartition(".")
    if dot and stem and 0 < len(extension) <= 16:
        event["file.extension"] = extension


def _put_files(event: Event, files: Any) -> None:
    """Alerts list every file of the transaction; the first one is the event's."""
    if type(files) is list and files:
        FILE.put(event, files[0])


def _bare(value: str) -> str:
    found = _ADDRESS_IN.search(value)
    return (found[1] if found else value).strip().lower()


def _put_sender(event: Event, value: Any) -> None:
    if type(value) is str and (sender := _bare(value)):
        event["email.sender.address"] = sender
        event.setdefault("email.from.address", (sender,))


def _put_from(event: Event, value: Any) -> None:
    if type(value) is str and (sender := _bare(value)):
        event["email.from.address"] = (sender,)


def _put_recipients(event: Event, value: Any) -> None:
    """Envelope and header name recipients; an event has them all, each once."""
    found = [_bare(part) for item in strings(value) for part in item.split(",")[:MOST_ITEMS]]
    known = event.get("email.to.address", ())
    if type(known) is tuple and found:
        merged = dict.fromkeys((*known, *(recipient for recipient in found if recipient)))
        event["email.to.address"] = tuple(merged)[:MOST_ITEMS]


def _put_message_id(event: Event, value: Any) -> None:
    if type(value) is str:
        event["email.message_id"] = value.strip("<> ")


def _put_hash(kind: str) -> dict[str, Target]:
    prefix = f"suricata.eve.ssh.{kind}."
    return {
        "proto_version": text(prefix + "proto_version"),
        "software_version": text(prefix + "software_version"),
        "hassh": nested({"hash": text(prefix + "hassh")}),
    }


FILE: Final = nested(
    {
        "filename": special(_put_name, "file.name", "file.path", "file.extension"),
        "size": number("file.size"),
        "md5": text("file.hash.md5"),
        "sha1": text("file.hash.sha1"),
        "sha256": text("file.hash.sha256"),
        "mimetype": text("file.mime_type"),
        "magic": text("suricata.eve.fileinfo.magic"),
        "state": text("suricata.eve.fileinfo.state"),
        "stored": flag("suricata.eve.fileinfo.stored"),
    }
)
HTTP: Final = special(_put_http, *sorted(_HTTP_FIELDS | TARGET_FIELDS | ABSOLUTE_FIELDS | {"url.full"}))
TLS: Final = nested(
    {
        "subject": text("tls.server.subject"),
        "issuerdn": text("tls.server.issuer"),
        "fingerprint": special(_put_fingerprint, "tls.server.hash.sha1"),
        "sni": text("tls.client.server_name"),
        "version": special(_put_tls_version, "tls.version", "tls.version_protocol"),
        "notbefore": moment("tls.server.not_before"),
        "notafter": moment("tls.server.not_after"),
        "ja3": nested({"hash": text("tls.client.ja3")}),
        "ja3s": nested({"hash": text("tls.server.ja3s")}),
        "ja4": text("suricata.eve.tls.ja4"),
        "serial": text("suricata.eve.tls.serial"),
        "session_resumed": flag("tls.resumed"),
    }
)
MAIL: Final[Table] = {
    "smtp": nested(
        {
            "helo": text("suricata.eve.smtp.helo"),
            "mail_from": special(_put_sender, "email.sender.address", "email.from.address"),
            "rcpt_to": special(_put_recipients, "email.to.address"),
        }
    ),
    "email": nested(
        {
            "from": special(_put_from, "email.from.address"),
            "to": special(_put_recipients, "email.to.address"),
            "subject": text("email.subject"),
            "message_id": special(_put_message_id, "email.message_id"),
            "attachment": texts("email.attachments.file.name"),
            "url": texts("suricata.eve.email.url"),
        }
    ),
}
FILES: Final = special(_put_files, *FILE.fields)
SSH: Final = nested({"client": nested(_put_hash("client")), "server": nested(_put_hash("server"))})
FLOW: Final[Table] = {
    "bytes_toserver": number("source.bytes"),
    "bytes_toclient": number("destination.bytes"),
    "pkts_toserver": number("source.packets"),
    "pkts_toclient": number("destination.packets"),
    "start": moment("event.start"),
    "end": moment("event.end"),
    "state": text("suricata.eve.flow.state"),
    "reason": text("suricata.eve.flow.reason"),
    "alerted": flag("suricata.eve.flow.alerted"),
}
TCP: Final = nested({"tcp_flags": text("suricata.eve.tcp.tcp_flags"), "state": text("suricata.eve.tcp.state")})
NETFLOW: Final[Table] = {
    "bytes": number("source.bytes"),
    "pkts": number("source.packets"),
    "start": moment("event.start"),
    "end": moment("event.end"),
}
STATS: Final[Table] = {
    "uptime": number("suricata.eve.stats.uptime"),
    "capture": nested(
        {name: number(f"suricata.eve.stats.capture.{name}") for name in ("kernel_packets", "kernel_drops")}
    ),
    "decoder": nested({name: number(f"suricata.eve.stats.decoder.{name}") for name in ("pkts", "bytes", "invalid")}),
    "detect": nested({"alert": number("suricata.eve.stats.detect.alert")}),
}
