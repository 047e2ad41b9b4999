"""An error is told in the reader's language, and stays the same error on its way between processes."""

import pickle
from pathlib import Path

import pytest
from click.testing import CliRunner

from soc.cli import main
from soc.core.errors import SettingsError, SocError, StoreError
from soc.core.i18n import translator
from soc.core.settings import read_settings

VI = translator("vi")


@pytest.mark.parametrize(
    ("error", "english", "vietnamese"),
    [
        (SocError("not in the catalogue {at all}"), "not in the catalogue {at all}", "not in the catalogue {at all}"),
        (SettingsError(Path("a.yml"), "rules", "{file} does not exist", file=Path("x")),
         "a.yml: rules: x does not exist", "a.yml: rules: x không tồn tại"),
        (SettingsError("a.yml", SocError("inputs[0]", "is empty")),
         "a.yml: inputs[0]: is empty", "a.yml: inputs[0]: trống"),
        (StoreError("f", OSError("no {space}")), "f: no {space}", "f: no {space}"),
        (SocError("{number} rules are meant: {listed}", number=2, listed="{a}; {b}"),
         "2 rules are meant: {a}; {b}", "có 2 luật phù hợp: {a}; {b}"),
        (SocError(), "", ""),
    ],
)  # fmt: skip
def test_told_in_both_languages_and_after_a_pickle(error: SocError, english: str, vietnamese: str) -> None:
    for one in (error, pickle.loads(pickle.dumps(error))):
        assert type(one) is type(error)
        assert (str(one), one.told(translator("en")), one.told(VI)) == (english, english, vietnamese)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("name: hq\ninputs:\n- {type: syslog, protocol: tcp, port: many}\n",
         "soc.yml:3: inputs[0].port: cần `int`, nhưng nhận được `str`"),
        ("name: hq\nfalse_key: 1\n", "có trường không được biết `false_key`"),
        ("name: hq\nname: hq\n", "soc.yml:2: name xuất hiện hai lần"),
        ("rules: [nowhere]\n", "nowhere không tồn tại"),
        ("name: hq\n", "inputs: không nêu đầu vào nào, nên không có việc gì để làm"),
    ],
)  # fmt: skip
def test_wrong_settings_in_vietnamese(settings: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "soc.yml"
    file.write_text(settings)
    done = CliRunner().invoke(main, ["run", "--settings", str(file), "--lang", "vi"])
    assert done.exit_code == 2
    assert reason in done.stderr.replace("\n", " ")
    assert str(file) in done.stderr


def test_what_msgspec_says_is_said_as_it_says_it(tmp_path: Path) -> None:
    file = tmp_path / "soc.yml"
    file.write_text("inputs:\n- {type: syslog, protocol: tcp, port: 70000}\n")
    with pytest.raises(SettingsError, match=r"soc\.yml:2: inputs\[0\]\.port: Expected `int` <= 65535$") as found:
        read_settings(file)
    assert found.value.told(VI).endswith("inputs[0].port: cần `int` <= 65535")
