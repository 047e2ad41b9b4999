"""How rejected lines look in a terminal and as JSON: hostile bytes, shown so that no terminal obeys them."""

from __future__ import annotations

from base64 import b64encode

from rich.console import Group
from rich.table import Table
from rich.text import Text

from soc.core.event import Rejected, iso
from soc.core.hostile import plain
from soc.core.i18n import Translate
from soc.core.when import local
from soc.engines.rejected import id_of_line, kind


def document(line: Rejected) -> dict[str, object]:
    """The line for machines; its bytes in Base64, and as text in which each that is none is \\xff."""
    found: dict[str, object] = {
        "id": id_of_line(line),
        "kind": kind(line),
        "received": _time(line),
        "origin": plain(line.origin),
        "position": line.position,
        "device": line.device,
        "reason": plain(line.reason),
        "text": readable(line.raw),
        "raw": b64encode(line.raw).decode(),
    }
    if line.topic:
        found |= {"topic": line.topic, "partition": line.partition, "offset": line.offset}
    return found


def readable(raw: bytes, limit: int = 0) -> str:
    """Bytes as text that no terminal obeys."""
    return plain(raw.decode("utf-8", "backslashreplace"), limit)


def _time(line: Rejected) -> str:
    try:
        return iso(line.received)
    except OverflowError:
        return str(line.received)


def lines_table(lines: list[Rejected], t: Translate) -> Table:
    """A row a line."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("id", t("received"), t("origin"), t("why"), t("line")):
        table.add_column(heading, no_wrap=not table.columns[1:], overflow="fold")
    for line in lines:
        when, origin = local(line.received, "%d/%m %H:%M:%S"), plain(line.origin, 40)
        table.add_row(id_of_line(line)[:8], when, origin, Text(plain(line.reason, 60)), Text(readable(line.raw, 80)))
    return table


def line_detail(line: Rejected, t: Translate) -> Group:
    """One line in full."""
    facts = Table.grid(padding=(0, 2, 0, 0))
    kafka = t("{topic}, partition {partition}, offset {offset}")
    place = kafka.format(topic=line.topic, partition=line.partition, offset=line.offset) if line.topic else ""
    rows = (
        ("id", id_of_line(line)),
        (t("received"), f"{local(line.received)} ({_time(line)})"),
        (t("origin"), line.origin),
        (t("number"), str(line.position)),
        (t("in Kafka"), place),
        (t("device"), line.device),
        (t("why"), line.reason),
        ("", _explained(line, t)),
        (t("bytes"), f"{len(line.raw):,}"),
    )
    for name, value in rows:
        if value:
            facts.add_row(Text(name, style="dim"), Text(plain(value)))
    return Group(facts, Text(""), Text(readable(line.raw)))


def _explained(line: Rejected, t: Translate) -> str:
    if kind(line) == "damaged":
        return t("this record is no batch of lines and cannot be replayed; whoever sent it has to send it again")
    if kind(line) == "refused":
        return t("Elasticsearch refused this document; soc rejected replay writes it once more")
    return ""
