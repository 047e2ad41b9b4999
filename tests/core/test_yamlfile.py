"""Settings files: bombs and slips are refused by name, with the line."""

from pathlib import Path

import msgspec
import pytest

from soc.core.errors import SettingsError
from soc.core.yamlfile import read_struct, read_yaml


class Kind(msgspec.Struct, forbid_unknown_fields=True):
    """A small settings file."""

    name: str = ""
    ports: tuple[int, ...] = ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &x [1]\nb: *x\n", ":2: YAML aliases"),
        ("[" * 3000, ":1: nested deeper"),
        ("name: a\nports: [1]\nname: b\n", ":3: name is there twice"),
        ("a: {b: 1, b: 2}\n", ":1: b is there twice"),
        ("a: [1\nb: 2\n", ":2: "),
        ("a: 1\n---\nb: 2\n", ":2: "),
    ],
)
def test_what_is_refused_names_the_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "x.yml"
    path.write_text(text)
    with pytest.raises(SettingsError) as refused:
        read_yaml(path)
    assert f"{path}{says}" in str(refused.value)


def test_the_wrong_key_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_text("name: a\nports:\n  - 1\n  - two\n")
    with pytest.raises(SettingsError, match=r"x\.yml:4: ports\[1\]: Expected `int`, got `str`"):
        read_struct(path, Kind)
    path.write_text("name: a\nport: 1\n")
    with pytest.raises(SettingsError, match="unknown field `port`"):
        read_struct(path, Kind)
    path.write_text("")
    assert read_struct(path, Kind) == Kind()
    with pytest.raises(SettingsError, match="No such file"):
        read_yaml(tmp_path / "absent.yml")
