"""The shipped field mapping: only fields of ours, and the most specific section wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from soc.core.errors import SettingsError
from soc.core.fields import FIELDS
from soc.core.logsource import LogSource
from soc.sigma import read_mapping, shipped_mapping


@pytest.mark.parametrize(
    ("source", "name", "wanted"),
    [
        (LogSource("proxy"), "c-uri", ("url.original", "url.full")),
        (LogSource("webserver"), "cs-method", ("http.request.method",)),
        (LogSource("firewall"), "dst_port", ("destination.port",)),
        (LogSource("dns"), "query", ("dns.question.name",)),
        (LogSource("antivirus"), "Filename", ("file.path", "file.name")),
        (LogSource(None, "fortigate", "event"), "srcip", ("source.ip",)),
        (LogSource(None, "zeek", "dns"), "id.orig_h", ("source.ip",)),
        (LogSource("webserver"), "source.ip", ("source.ip",)),
        (LogSource("webserver"), "nobody-knows", ("nobody-knows",)),
        (LogSource(None, "linux", "sudo"), "USER", ("user.effective.name",)),
    ],
)
def test_names(source: LogSource, name: str, wanted: tuple[str, ...]) -> None:
    assert shipped_mapping().names(source)(name) == wanted


def test_every_target_is_a_field() -> None:
    targets = {target for _, table, _ in shipped_mapping().sections for to in table.values() for target in to}
    assert targets <= FIELDS.keys()


@pytest.mark.parametrize("fields", ["{x: no.such.field}", "{source.ip: destination.ip}", "{x: []}"])
def test_a_wrong_mapping_is_named(tmp_path: Path, fields: str) -> None:
    path = tmp_path / "wrong.yml"
    path.write_text(f"sections: [{{logsource: {{}}, fields: {fields}}}]")
    with pytest.raises(SettingsError, match="cannot be mapped"):
        read_mapping([path])
