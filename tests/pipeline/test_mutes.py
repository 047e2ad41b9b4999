"""The mutes file: read strictly, edited without losing what people wrote in it."""

from datetime import date
from pathlib import Path

import pytest

from soc.core.errors import SettingsError
from soc.pipeline.mutes import Mute, add_mute, read_mutes, remove_mute

LAN = Mute("a-1", date(2026, 12, 1), "Lan", "noisy: printers # every night", "A title")
MINH = Mute("b-2", date(2027, 1, 15), "Minh", "đang sửa máy chủ")
FORMS = {
    "empty": "",
    "no items": "mutes:\n",
    "empty list": "mutes: []\n",
    "indented": "# ours\nmutes:\n    - id: x\n      until: 2026-10-01\n      by: A\n      reason: B\n# the end\n",
    "not indented": "mutes:\n- {id: x, until: 2026-10-01, by: A, reason: B}\n",
    "in brackets": "mutes: [{id: x, until: 2026-10-01, by: A, reason: B}]\n",
    "folded": "mutes:\n  - id: x\n    until: '2026-10-01'\n    by: A\n    reason: >\n      one\n      two\n",
    "no line end": "mutes:\n  - id: x\n    until: 2026-10-01\n    by: A\n    reason: B",
}


def test_no_file_is_no_mutes(tmp_path: Path) -> None:
    assert read_mutes(tmp_path / "mutes.yml") == ()


def test_it_holds_until_the_day_and_not_on_it() -> None:
    assert LAN.holds(date(2026, 11, 30))
    assert not LAN.holds(date(2026, 12, 1))


@pytest.mark.parametrize("form", FORMS)
def test_mutes_come_and_go_in_files_of_any_shape(tmp_path: Path, form: str) -> None:
    path = tmp_path / "mutes.yml"
    path.write_text(FORMS[form], "utf-8")
    there = read_mutes(path)
    add_mute(path, LAN)
    add_mute(path, MINH)
    assert read_mutes(path) == (*there, LAN, MINH)
    assert remove_mute(path, "a-1") == LAN
    assert remove_mute(path, "a-1") is None
    assert read_mutes(path) == (*there, MINH)
    assert remove_mute(path, "b-2") == MINH
    assert read_mutes(path) == there
    assert [file.name for file in tmp_path.iterdir()] == ["mutes.yml"]


def test_what_people_wrote_stays(tmp_path: Path) -> None:
    path = tmp_path / "mutes.yml"
    path.write_text(FORMS["indented"], "utf-8")
    add_mute(path, LAN)
    remove_mute(path, "a-1")
    assert path.read_text("utf-8") == FORMS["indented"]


def test_muting_again_replaces(tmp_path: Path) -> None:
    path = tmp_path / "mutes.yml"
    for mute in (LAN, Mute("a-1", date(2027, 1, 1), "Hà", "again")):
        add_mute(path, mute)
    assert [(mute.by, mute.until) for mute in read_mutes(path)] == [("Hà", date(2027, 1, 1))]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("mutes:\n  - id: x\n    until: 2026-10-01\n    reason: B\n", "mutes.yml:2: mutes[0]: .*by"),
        ("mutes:\n  - id: x\n    until: soon\n    by: A\n    reason: B\n", "mutes.yml:3: mutes[0].until"),
        ("mutes:\n  - id: x\n    until: 2026-10-01\n    by: ''\n    reason: B\n", "mutes.yml:4: mutes[0].by"),
        ("mutes:\n  - id: x\n    until: 2026-10-01\n    by: A\n    reason: B\n    why: C\n", "why"),
        ("mutes:\n" + 2 * "  - {id: x, until: 2026-10-01, by: A, reason: B}\n", "mutes.yml:3: .*muted twice"),
        ("mutes: {x: 1}\n", "mutes.yml:1: mutes"),
        ("muted: []\n", "muted"),
        ("mutes: &a [*a]\n", "alias"),
    ],
)
def test_a_wrong_file_is_refused_by_line(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "mutes.yml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=wrong.replace("[", r"\[")):
        read_mutes(path)
    with pytest.raises(SettingsError):
        add_mute(path, LAN)
    assert path.read_text("utf-8") == text
