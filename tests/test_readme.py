"""What README says is there: its commands exist with their options, its settings are valid, nothing is left out."""

import re
import shlex
from pathlib import Path

import click
import msgspec
import pytest
import yaml

from soc.cli import main
from soc.core.settings import Settings

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line.partition("#")[0].strip()
    for kind, block in BLOCKS
    if kind == "sh"
    for line in block.splitlines()
    if line.startswith("soc ")
]


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 15


@pytest.mark.parametrize("command", COMMANDS)
def test_command_exists_with_its_options(command: str) -> None:
    words = shlex.split(command)[1:]
    group: click.Command = main
    with click.Context(main) as ctx:
        while isinstance(group, click.Group) and words and (found := group.get_command(ctx, words[0])):
            group, words = found, words[1:]
        assert group is not main, f"no verb {words[0]}"
        options = {name for param in group.get_params(ctx) for name in (*param.opts, *param.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= options


def test_every_verb_is_shown() -> None:
    with click.Context(main) as ctx:
        for verb in main.list_commands(ctx):
            assert f"soc {verb}" in README, verb


def test_the_settings_are_valid_and_complete() -> None:
    (text,) = [block for kind, block in BLOCKS if kind == "yaml"]
    document = yaml.safe_load(text)
    msgspec.convert(document, Settings)
    unnamed = {field.name for field in msgspec.structs.fields(Settings)} - document.keys()
    for name in unnamed:
        assert f"`{name}`" in README, f"README does not mention the setting {name}"


def test_the_settings_of_playbooks_are_valid() -> None:
    (text,) = [block for kind, block in BLOCKS if kind == "yml" and block.startswith("playbooks:")]
    msgspec.convert(yaml.safe_load(text), Settings)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (Path(__file__).parents[1] / target).exists(), target
