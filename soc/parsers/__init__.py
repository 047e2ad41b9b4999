"""Device parsers: raw text -> ECS event. One file per device; ``devices()`` finds them by looking."""

from soc.parsers._device import Device, Join, Line, ParseError
from soc.parsers._registry import devices, fills_by_dataset, recognise
from soc.parsers._syslog import read_line

__all__ = ["Device", "Join", "Line", "ParseError", "devices", "fills_by_dataset", "read_line", "recognise"]
