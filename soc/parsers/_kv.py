"""key=value text as FortiGate and others write it: a="b c" d=e; quotes within a value are escaped with \\."""

from __future__ import annotations

import re

# Bounded names, possessive values: linear on any input.
_PAIR = re.compile(r'([A-Za-z0-9_.\-]{1,64})=(?:"((?:[^"\\]|\\.)*+)"|([^\s"]*+))(?=\s|$)')


def pairs(text: str) -> dict[str, str]:
    return {key: quoted or bare for key, quoted, bare in _PAIR.findall(text)}
