"""A Windows event log written byte by byte, for tests: records with elements and text, no templates.

Format: libyal, "Windows XML Event Log (EVTX) format"; elements outside templates have no dependency identifier.
"""

from __future__ import annotations

import struct
from xml.etree import ElementTree

CHUNK = 65536
_START, _START_WITH_ATTRIBUTES, _CLOSE_START, _END, _VALUE, _ATTRIBUTE = 0x01, 0x41, 0x02, 0x04, 0x05, 0x06


def evtx_file(chunks: list[list[str]]) -> bytes:
    """A file of chunks, each a list of records as XML text; records are numbered from 1."""
    first, body = 1, b""
    for records in chunks:
        body += _chunk(records, first)
        first += len(records)
    header = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, len(chunks) - 1, first, 128, 1, 3, 4096, len(chunks))
    return header.ljust(4096, b"\0") + body


def _chunk(records: list[str], first: int) -> bytes:
    data, last = b"", 0
    for number, xml in enumerate(records, start=first):
        last = 512 + len(data)
        data += _record(xml, number, last)
    numbers = (first, first + len(records) - 1)
    header = struct.pack("<8sQQQQIIII", b"ElfChnk\0", *numbers, *numbers, 128, last, 512 + len(data), 0)
    return (header.ljust(512, b"\0") + data).ljust(CHUNK, b"\0")


def _record(xml: str, number: int, offset: int) -> bytes:
    body = b"\x0f\x01\x01\x00" + _element(ElementTree.fromstring(xml), offset + 28) + b"\0"
    size = 24 + len(body) + 4
    time = 133_000_000_000_000_000
    return struct.pack("<IIQQ", 0x2A2A, size, number, time) + body + struct.pack("<I", size)


def _name(name: str, offset: int) -> bytes:
    """Where a name is, and the name itself directly behind that."""
    return struct.pack("<IIHH", offset + 4, 0, 0, len(name)) + name.encode("utf-16-le") + b"\0\0"


def _text(text: str) -> bytes:
    return struct.pack("<BBH", _VALUE, 1, len(text)) + text.encode("utf-16-le")


def _element(element: ElementTree.Element, offset: int) -> bytes:
    """One element that begins at an offset of the chunk."""
    name = _name(element.tag, offset + 5)
    begin = offset + 5 + len(name)
    attributes = b""
    for key, value in element.attrib.items():
        at = begin + 4 + len(attributes)
        attributes += bytes([_ATTRIBUTE]) + _name(key, at + 1) + _text(value)
    head = name + (struct.pack("<I", len(attributes)) + attributes if attributes else b"") + bytes([_CLOSE_START])
    inside = _text(element.text.strip()) if element.text and element.text.strip() else b""
    for child in element:
        inside += _element(child, offset + 5 + len(head) + len(inside))
    rest = head + inside + bytes([_END])
    token = _START_WITH_ATTRIBUTES if attributes else _START
    return struct.pack("<BI", token, len(rest)) + rest
