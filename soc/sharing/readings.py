"""Other writings of a text, as URLs, mails and reports have them: what is hidden in one is found in another.

Percent and HTML escapes, quoted-printable, full-width letters, addresses made harmless (10[.]1[.]2[.]3, a[at]b), base64
and hexadecimal, and IPv4 addresses of URLs as one number.
"""

from __future__ import annotations

import binascii
import html
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address
from itertools import islice
from typing import Final
from urllib.parse import unquote

_ROUNDS: Final = 4
_MOST: Final = 64
"""Words of one text that are decoded."""
_DOT: Final = re.compile(r"\s?(?:\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)|\[:\]|\\\.)\s?", re.IGNORECASE)
_AT: Final = re.compile(r"\s?(?:\[@\]|\[at\]|\(at\)|\{at\})\s?", re.IGNORECASE)
_QUOTED: Final = re.compile(r"=([0-9A-Fa-f]{2})")
_BASE64: Final = (re.compile(r"[A-Za-z0-9+/]{10,}"), re.compile(r"[A-Za-z0-9_-]{10,}"))
_HEX: Final = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}){7,}(?![0-9A-Fa-f])")
_NUMBER: Final = re.compile(r"//(0[xX][0-9A-Fa-f]{8}|0[0-7]{9,12}|[1-9][0-9]{7,9})(?![\w.])")


def readings(text: str) -> Iterator[str]:
    """Each other writing once, the nearest first. Linear in the text."""
    seen = {text}
    for reading in _all(text):
        if reading not in seen:
            seen.add(reading)
            yield reading


def _all(text: str) -> Iterator[str]:
    plain = unescaped(text)
    yield plain
    yield _QUOTED.sub(lambda match: chr(int(match[1], 16)), plain)
    for word in _words(plain):
        yield word
        yield unescaped(word)
        yield from _words(unescaped(word))
    yield from (str(IPv4Address(number)) for number in _numbers(plain))


def unescaped(text: str) -> str:
    """Without escapes, wide letters and brackets, however often they were put round each other."""
    for _ in range(_ROUNDS):
        plain = unicodedata.normalize("NFKC", html.unescape(unquote(text)))
        plain = _AT.sub("@", _DOT.sub(lambda match: ":" if ":" in match[0] else ".", plain))
        if plain == text:
            break
        text = plain
    return text


def _words(text: str) -> Iterator[str]:
    """What words in base64 or hexadecimal say, where that is text."""
    for letters in _BASE64:
        for match in islice(letters.finditer(text), _MOST):
            bare = match[0].replace("-", "+").replace("_", "/")
            raw = bare[: len(bare) - (len(bare) % 4 == 1)]
            yield from _texts(binascii.a2b_base64(raw + "=" * (-len(raw) % 4)))
    for match in islice(_HEX.finditer(text), _MOST):
        yield from _texts(bytes.fromhex(match[0]))


def _texts(raw: bytes) -> Iterator[str]:
    with suppress(UnicodeDecodeError):
        if (text := raw.decode()).isprintable():
            yield text
    with suppress(UnicodeDecodeError):
        if (text := raw.decode("utf-16-le")).isascii() and text.isprintable():
            yield text


def _numbers(text: str) -> Iterator[int]:
    for match in islice(_NUMBER.finditer(text), _MOST):
        digits = match[1]
        base = 16 if digits[:2].lower() == "0x" else 8 if digits.startswith("0") else 10
        value = int(digits, base)
        if value < 2**32:
            yield value
