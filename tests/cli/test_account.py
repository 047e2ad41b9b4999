"""soc account: accounts beside the store; no password on the command line or in the output."""

import click
import pytest
from click.testing import CliRunner

from soc.cli import main
from soc.cli.account import command
from soc.web.accounts import Account, Accounts

WORD = "correct horse battery"


@pytest.fixture
def soc(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "soc.yml").write_text("data_dir: data\n")
    return lambda *words, **more: CliRunner().invoke(main, ["account", *words], **more)


@pytest.fixture
def accounts(tmp_path):
    return Accounts(tmp_path / "data" / "accounts.db")


def test_an_account_from_its_making_to_its_end(soc, accounts, tmp_path):
    assert "one-time password" in soc("list").output
    made = soc("add", "lan", "--role", "analyst", input=f"{WORD}\n{WORD}\n")
    assert (made.exit_code, WORD in made.output) == (0, False)
    assert accounts.check("lan", WORD) == Account("lan", "analyst", True, 1)
    (tmp_path / "word").write_text("another good one\nnot this\n")
    assert soc("password", "lan", "--password-file", "word").exit_code == 0
    assert accounts.check("lan", WORD) is None
    assert accounts.check("lan", "another good one").stamp == 2
    assert soc("disable", "lan").exit_code == 0
    assert soc("list").output == "lan\tanalyst\tdisabled\n"
    assert soc("enable", "lan", "--lang", "vi").output == "lan đã được mở\n"
    assert accounts.get("lan").enabled


@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        (("add", "lan", "--role", "analyst"), "short\nshort\n", "10 to 1000"),
        (("add", "Lan\x1b[31m", "--role", "analyst"), f"{WORD}\n{WORD}\n", "a name is"),
        (("add", "lan", "--role", "root"), "", "root"),
        (("add", "lan"), "", "--role"),
        (("disable", "minh"), "", "no such account"),
        (("password", "minh"), "", "no such account"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_with_status_2(soc, accounts, words, typed, said):
    answer = soc(*words, input=typed)
    assert (answer.exit_code, said in answer.output) == (2, True)
    assert "\x1b" not in answer.output
    assert accounts.all() == []


def test_no_verb_takes_a_password_as_an_argument_or_option():
    with click.Context(command) as ctx:
        for name in command.list_commands(ctx):
            options = {option for param in command.get_command(ctx, name).params for option in param.opts}
            assert not {"--password", "password"} & options, name


def test_the_accounts_are_beside_the_store_that_is_named(soc, tmp_path):
    (tmp_path / "word").write_text(WORD)
    soc("add", "lan", "--role", "admin", "--password-file", "word", "--store", "elsewhere/soc.db")
    assert Accounts(tmp_path / "elsewhere" / "accounts.db").check("lan", WORD)
    assert not (tmp_path / "data").exists()
