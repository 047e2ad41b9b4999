"""What mail servers and their filters write alike: name[address]:port, <address>, MIME-encoded header words."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from functools import lru_cache

from soc.core.event import Event
from soc.parsers._address import ip

# An address between < and >: a quoted local part may itself hold > (RFC 5321, 4.1.2). Possessive, so linear.
ADDRESS = r'<((?:"(?:[^"\\]|\\.)*+"|[^">])*+)>'
# host.example[192.0.2.1]:25, unknown[unknown], mail.example[private/dovecot-lmtp], [192.0.2.1]:4242
PEER = re.compile(r"[^\s\[\],]{0,255}\[[^\]\s]{1,108}\](?::\d{1,5}\b)?", re.ASCII)

SOURCE = ("source.domain", "source.ip", "source.port")
DESTINATION = ("destination.domain", "destination.ip", "destination.port")

_MAX_SUBJECT = 2000
_WORD = re.compile(r"=\?([A-Za-z0-9_-]{1,40})(?:\*[A-Za-z-]{1,20})?\?([bBqQ])\?([^?\s]*+)\?=", re.ASCII)


@lru_cache(maxsize=8192)
def _peer(text: str) -> tuple[str, str | None, int]:
    name, _, rest = text.partition("[")
    address, _, port = rest.partition("]")
    return "" if name == "unknown" else name, ip(address.removeprefix("IPv6:")), int(port[1:] or 0)


def peer(event: Event, text: str, start: int = 0, names: tuple[str, str, str] = SOURCE) -> int:
    """Fills names from the ``host[address]:port`` at text[start:]; gives where it ends, or start if there is none."""
    found = PEER.match(text, start)
    if not found:
        return start
    domain, address, port = _peer(found[0])
    if domain:
        event[names[0]] = domain
    if address:
        event[names[1]] = address
    if 0 < port < 65536:
        event[names[2]] = port
    return found.end()


def decoded(text: str) -> str:
    """A header as a person reads it: "=?UTF-8?B?xJDhuqV1IHRo4bqndQ==?=" -> "Đấu thầu" (RFC 2047).

    A letter split over two words is put together again; what cannot be decoded stays as it is.
    """
    if "=?" not in text:
        return text
    text = text[:_MAX_SUBJECT]
    parts: list[tuple[str, str, bytes]] = []  # text before the word, its charset, its bytes
    end = 0
    for word in _WORD.finditer(text):
        between = text[end : word.start()]
        raw = _bytes(word[2], word[3])
        charset = word[1].lower()
        # Postfix shows the line break of a folded header as "?".
        if parts and not between.strip(" \t?") and parts[-1][1] == charset:
            before, _, earlier = parts.pop()
            parts.append((before, charset, earlier + raw))
        else:
            parts.append(("" if parts and not between.strip(" \t?") else between, charset, raw))
        end = word.end()
    return "".join(before + _text(raw, charset) for before, charset, raw in parts) + text[end:]


def _bytes(encoding: str, text: str) -> bytes:
    if encoding in "qQ":
        return quopri.decodestring(text.encode("utf-8", "replace"), header=True)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return text.encode("utf-8", "replace")


def _text(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset, "replace")
    except (LookupError, ValueError):
        return raw.decode("utf-8", "replace")
