"""The exit gate: what must not leave the house is taken out of a bundle, and said, before anything is queued.

Our own addresses and names, the mail addresses of our people, and whatever TLP keeps inside. A function from values to
values; who lets a held item go all the same is written down by the outbox.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal, cast

from soc.sharing.readings import readings
from soc.sharing.stix import objects_of
from soc.sharing.tlp import LEVELS, STAYS, Object

Rule = Literal["tlp", "internal", "personal", "host", "credential"]
RULES: Final[frozenset[Rule]] = frozenset({"tlp", "internal", "personal", "host", "credential"})
FREE_MAIL: Final = frozenset(
    {"gmail.com", "googlemail.com", "yahoo.com", "yahoo.com.vn", "ymail.com", "outlook.com", "outlook.com.vn",
     "hotmail.com", "live.com", "msn.com", "icloud.com", "me.com", "proton.me", "protonmail.com", "aol.com", "zoho.com",
     "mail.ru", "yandex.com", "gmx.com"}
)  # fmt: skip
"""Domains in which an address is of a person. One that sends may be a victim itself, so a person decides."""
MASK: Final = "[withheld]"
_LOOKS: Final = 8

# Generous on purpose: whatever may be an address or a name is looked up, and only what is ours is taken out. Each is
# one run of letters of a kind, so the search is linear in hostile text too.
_QUAD: Final = re.compile(r"(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?!\d)", re.ASCII)
_COLONS: Final = re.compile(r"[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,80}")
_MAIL: Final = re.compile(r"""(?<![^\s@<>"'(),:;])[^\s@<>"'(),:;]+@([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)""")
_CREDENTIAL: Final = re.compile(
    r"(?i)(?:[?&;=#/\s\"']|^)((?:password|passwd|pwd|pass|(?:access_|id_|auth_)?token|session(?:_?id)?|jsessionid|phpsessid|"
    r"sid|api_?key|secret|otp)=[^&\s\"';#]+|authorization:\s*\S+(?:\s+\S+)?)"
    r"|://([^/\s@:]*:[^/\s@]+)@"
)
_USER: Final = re.compile(r"//[^/?#]*@")
_OWN_LABEL: Final = re.compile(r"(?=.*-)(?=.*\d)[A-Za-z0-9_-]{4,63}")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_VERBATIM: Final = frozenset({"type", "id", "spec_version", "created", "modified", "pattern_type"})


@dataclass(frozen=True, slots=True)
class Ours:
    """What is ours, as predicates, mostly of the inventory.

    address  whether an IP address is inside
    domain   whether a domain, or a name under it, is ours
    host     whether a name is a host of ours
    """

    address: Callable[[str], bool]
    domain: Callable[[str], bool]
    host: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Withheld:
    """One thing that stays: of which object, by which rule, and the text itself (for us; it is not sent)."""

    object: str
    rule: Rule
    value: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may leave, what stays and why; held when a person has to decide before anything is sent."""

    bundle: Object
    withheld: tuple[Withheld, ...]
    held: bool


def gate(bundle: Object, ours: Ours, allow: frozenset[Rule] = frozenset()) -> Verdict:
    """Indicators of ours are left out with all that refers to them; in other text ours is masked.

    Held: an object's TLP keeps it inside, or no indicator is left of those there were.
    allow: rules that a person has lifted.
    """
    withheld: list[Withheld] = []
    removed: set[str] = set()
    kept: list[Object] = []
    for item in objects_of(bundle):
        id = str(item.get("id"))
        found = [each for each in _findings(item, ours) if each.rule not in allow]
        withheld += found
        if any(each.rule == "tlp" for each in found) or _looks_for_ours(item, ours, allow):
            removed.add(id)
        else:
            kept.append(cast("Object", _masked(item, ours, allow, _of_sender(item))) if found else item)
    while True:  # what refers to something that was removed goes too, and what refers to that
        going = {str(item["id"]) for item in kept if _leads_nowhere(item, removed)}
        if not going:
            break
        removed |= going
        kept = [item for item in kept if item["id"] not in going]
    kept = [_without(item, removed) for item in kept]
    wanted = any(item.get("type") == "indicator" for item in objects_of(bundle))
    left = any(item.get("type") == "indicator" for item in kept)
    held = any(each.rule == "tlp" for each in withheld) or (wanted and not left and bool(withheld))
    return Verdict({**bundle, "objects": kept}, tuple(withheld), held)


def _looks_for_ours(item: Object, ours: Ours, allow: frozenset[Rule]) -> bool:
    """Whether it is an indicator of something of ours; one with only a word of ours in its description is masked."""
    pattern = str(item.get("pattern", ""))
    found = _ours(pattern, ours, _of_sender(item))
    return item.get("type") == "indicator" and any(rule not in allow for rule, _, _ in found)


def _of_sender(item: Object) -> bool:
    return str(item.get("pattern", "")).startswith("[email-message:from_ref")


def _findings(item: Object, ours: Ours) -> list[Withheld]:
    id = str(item.get("id"))
    marks = item.get("object_marking_refs")
    levels = [LEVELS.get(str(mark)) for mark in marks] if isinstance(marks, list) else []
    found = [Withheld(id, "tlp", f"TLP:{level.upper()}") for level in levels if level in STAYS]
    if item.get("type") == "identity":
        return found
    sender = _of_sender(item)
    seen = dict.fromkeys(
        (rule, text[begin:end]) for text in _texts(item) for rule, begin, end in _ours(text, ours, sender)
    )
    return found + [Withheld(id, rule, value) for rule, value in seen]


def _texts(value: object, key: str = "") -> Iterable[str]:
    if isinstance(value, str):
        if key not in _VERBATIM and not key.endswith(("_ref", "_refs")):
            yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, key)


def _ours(text: str, ours: Ours, sender: bool = False) -> list[tuple[Rule, int, int]]:
    """(rule, begin, end) of everything in a text that is ours; if it is so only in another writing, the whole text.

    sender: it is of an indicator of a sender, whose address is what it is about.
    """
    if found := _plain(text, ours, sender):
        return found
    for reading in readings(text):
        if found := _plain(reading, ours, sender):
            return [(rule, 0, len(text)) for rule in dict.fromkeys(rule for rule, _, _ in found)]
    return []


def _plain(text: str, ours: Ours, sender: bool) -> list[tuple[Rule, int, int]]:
    """As it stands there; a mail address of ours is not also a name."""
    found: list[tuple[Rule, int, int]] = [("credential", *match.span(1)) for match in _CREDENTIAL.finditer(text)]
    for match in _MAIL.finditer(text):
        domain = match[1].lower()
        in_url = _USER.match(match[0]) is not None  # http://somebody@bad.example has no mail address
        if ours.domain(domain) or domain in FREE_MAIL or not (sender or in_url):
            found.append(("personal", *match.span()))
            text = text[: match.start()] + " " * len(match[0]) + text[match.end() :]
    found += [("internal", *quad.span()) for quad in _QUAD.finditer(text) if any(map(ours.address, _quads(quad[0])))]
    for run in _COLONS.finditer(text):
        # A word may stand before an address, as in "src:fd00::1", so every part behind a colon is tried as well.
        begins = [0, *(colon.end() for colon in re.finditer(":", run[0]))][:20]
        inside = (begin for begin in begins if ours.address(run[0][begin:].rstrip(".")))
        if (begin := next(inside, None)) is not None:
            found.append(("internal", run.start() + begin, run.end()))
    for name in _NAME.finditer(text):
        if not _QUAD.fullmatch(name[0]) and _is_ours(name[0], ours):
            found.append(("host", *name.span()))
    return found


def _is_ours(name: str, ours: Ours) -> bool:
    """A host or domain of ours, or a name that has a host of ours for a label, as what carries data out by DNS does.

    Such a label must have a hyphen and a digit: everybody has a www.
    """
    if ours.host(name) or ("." in name and ours.domain(name)):
        return True
    return any(_OWN_LABEL.fullmatch(label) and ours.host(label) for label in name.split("."))


def _quads(text: str) -> Iterable[str]:
    """What 010.1.50.023 may mean: leading zeros are nothing to some, and base 8 to others."""
    parts = text.split(".")
    yield ".".join(str(int(part)) for part in parts)
    if any(part.startswith("0") and len(part) > 1 for part in parts):
        with suppress(ValueError):
            yield ".".join(str(int(part, 8 if part.startswith("0") else 10)) for part in parts)


def _masked(value: object, ours: Ours, allow: frozenset[Rule], sender: bool, key: str = "") -> object:
    if isinstance(value, str):
        if key in _VERBATIM or key.endswith(("_ref", "_refs")):
            return value
        # What was masked may have hidden the beginning of something else of ours, so it is looked at again.
        for _ in range(_LOOKS):
            spans = [span for span in _ours(value, ours, sender) if span[0] not in allow]
            if not spans:
                return value
            value = _cut(value, spans)
        return MASK
    if isinstance(value, dict):
        return {name: _masked(inner, ours, allow, sender, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, ours, allow, sender, key) for inner in value]
    return value


def _cut(text: str, spans: list[tuple[Rule, int, int]]) -> str:
    shown, after = "", 0
    for _, begin, end in sorted(spans, key=lambda span: span[1:]):  # they may overlap, as in ::ffff:10.1.2.3
        shown += text[after:begin] + MASK if begin >= after else ""
        after = max(after, end)
    return shown + text[after:]


def _leads_nowhere(item: Object, removed: set[str]) -> bool:
    """Whether a reference that the object cannot do without is gone: one, or all of a list but the marking."""
    for key, value in item.items():
        if key.endswith("_ref") and key != "created_by_ref" and value in removed:
            return True
        listed = key.endswith("_refs") and key != "object_marking_refs" and isinstance(value, list) and value
        if listed and all(ref in removed for ref in cast("list[object]", value)):
            return True
    return False


def _without(item: Object, removed: set[str]) -> Object:
    """The object without references to what was removed."""
    kept = {key: value for key, value in item.items() if key != "created_by_ref" or value not in removed}
    for key, value in kept.items():
        if key.endswith("_refs") and isinstance(value, list):
            kept[key] = [ref for ref in value if ref not in removed]
    return kept
