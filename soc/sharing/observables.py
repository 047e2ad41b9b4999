"""What of an alert others can look for: addresses, domains, URLs, file hashes and senders, as STIX patterns.

Whether one may leave is not decided here but by the exit gate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from soc.core.alert import Alert

MOST: Final = 50
"""Indicators of one alert; a scan's list of thousands helps nobody."""
MOST_LETTERS: Final = 2000

_DAYS: Final = {"ip": 30, "domain": 90, "url": 30, "hash": 365, "sender": 90}
_HASHES: Final = {
    "file.hash.sha256": ("SHA-256", 64),
    "file.hash.sha1": ("SHA-1", 40),
    "file.hash.md5": ("MD5", 32),
    "email.attachments.file.hash.sha256": ("SHA-256", 64),
}
_DOMAIN: Final = re.compile(r"(?=.{4,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}")
_SENDER: Final = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f]{3,253}")


@dataclass(frozen=True, slots=True, order=True)
class Observable:
    """kind is ip, domain, url, hash or sender; value as it was seen, in lower case where case means nothing.

    algorithm  of a hash, as STIX names it; "" otherwise
    """

    kind: str
    value: str
    algorithm: str = ""

    @property
    def pattern(self) -> str:
        """STIX 2.1 section 9: one comparison, the value quoted."""
        text = self.value.replace("\\", "\\\\").replace("'", "\\'")
        if self.kind == "ip":
            version = 6 if isinstance(ip_address(self.value), IPv6Address) else 4
            return f"[ipv{version}-addr:value = '{text}']"
        path = {
            "domain": "domain-name:value",
            "url": "url:value",
            "hash": f"file:hashes.'{self.algorithm}'",
            "sender": "email-message:from_ref.value",
        }[self.kind]
        return f"[{path} = '{text}']"

    @property
    def days(self) -> int:
        """How long it is worth looking for after it was last seen: addresses change hands, a file's hash does not."""
        return _DAYS[self.kind]


def observables(alert: Alert) -> tuple[Observable, ...]:
    """The first MOST of what the alert's group and its telling events bear, sorted, each once."""
    rows: list[Mapping[str, object]] = [dict(alert.group), *(sample.event for sample in alert.telling)]
    return tuple(sorted({found for row in rows for found in _of(row)})[:MOST])


def _of(row: Mapping[str, object]) -> Iterator[Observable]:
    for field in ("source.ip", "destination.ip"):
        for text in _texts(row.get(field)):
            try:
                address = ip_address(text)
            except ValueError:
                continue
            mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
            if "%" not in text:  # a zone is of one machine only
                yield Observable("ip", str(mapped or address))
    for field in ("dns.question.name", "url.domain", "destination.domain", "tls.client.server_name"):
        for text in _texts(row.get(field)):
            name = text.lower().rstrip(".")
            if _DOMAIN.fullmatch(name):
                yield Observable("domain", name)
    for text in _texts(row.get("url.full")):
        if text.startswith(("http://", "https://")) and text.isprintable():
            yield Observable("url", text)
    for field, (algorithm, digits) in _HASHES.items():
        for text in _texts(row.get(field)):
            if re.fullmatch(f"[0-9a-fA-F]{{{digits}}}", text):
                yield Observable("hash", text.lower(), algorithm)
    for text in _texts(row.get("email.from.address")):
        if _SENDER.fullmatch(text):
            yield Observable("sender", text.lower())


def _texts(value: object) -> Iterator[str]:
    for text in value if isinstance(value, list | tuple) else (value,):
        if isinstance(text, str) and 0 < len(text) <= MOST_LETTERS:
            yield text
