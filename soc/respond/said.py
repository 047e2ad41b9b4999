"""What the audit of a run says of actions, in the reader's language. It is kept in English, as it was written.

A line is matched against the sentences that executor and connectors write; what is in a gap may be such a sentence too.
"""

from __future__ import annotations

import re
from typing import Final

from soc.core.i18n import Translate

SENTENCES: Final = (
    "soc.yml sets up no {connector}",
    "soc.yml has no {setting}",
    "there is no never-touch list (playbooks.never_touch in soc.yml)",
    "{value} is on the never-touch list ({entry})",
    "it was done before the interruption",
    "interrupted, and it cannot be found out",
    "unknown whether it was done: {why}",
    "a value is missing",
    "{playbook} for alert {alert}",
    "{number} so far",
    "enough",
    "not an address of http or https",
    "only https, unless the server is private",
    "{host} is {address}, which is no address of the Internet",
    "cannot connect to the mail server: {why}",
    "cannot connect: {why}",
    "the mail server refused it: {why}",
    "the connection broke: {why}",
    "sent to {mailbox}",
    "{address} is in {group} as {key}",
    "the FortiGate has an object {key} with another address",
    "the FortiGate has no {table}",
    "the FortiGate answered {status}",
    "the FortiGate's answer is no JSON",
    "{name} answered {status}, and redirects are not followed",
    "{name} answered {status}",
)
"""The nearest first, where a line could be two of them."""


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(sentence)), re.DOTALL)


_PATTERNS: Final = tuple((sentence, _pattern(sentence)) for sentence in SENTENCES)
_DEPTH: Final = 3
_LONGEST: Final = 2000


def said(text: str, t: Translate, depth: int = _DEPTH) -> str:
    """The line in the language of t; one that is no such sentence stays as it is."""
    if depth and len(text) <= _LONGEST:
        for sentence, pattern in _PATTERNS:
            if match := pattern.fullmatch(text):
                return t(sentence, **{name: said(value, t, depth - 1) for name, value in match.groupdict().items()})
    return text
