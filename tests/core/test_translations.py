"""Every text that a person reads exists in Vietnamese: found in the code, the templates and the commands' help."""

import ast
import json
import re
import string
from pathlib import Path

import click
import pytest

import soc
from soc.cli import main
from soc.core.finding import Kind, Level
from soc.core.i18n import translator
from soc.core.triage import STATUSES
from soc.core.yamlfile import REASONS
from soc.respond.run import AUDITED, WAITS
from soc.respond.run import STATUSES as RUN_STATUSES
from soc.web.accounts import ROLES

PACKAGE = Path(soc.__file__).parent
CATALOGUE = json.loads((PACKAGE / "core" / "vi.json").read_text("utf-8"))


def _calls() -> set[str]:
    """Literals given to t(...), translate()(...) and _row(table, ..., t(...))."""
    found = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _is_translate(node.func):
                found |= {part.value for part in ast.walk(node.args[0]) if _is_text(part)} if node.args else set()
    return found


def _errors() -> set[str]:
    """What is wrong, as a SocError's last argument has it, or one of the texts that stand for msgspec's."""
    folders = (PACKAGE, PACKAGE.parent / "collectors")
    trees = [ast.parse(file.read_text("utf-8")) for folder in folders for file in folder.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    kinds = {"SocError", "SettingsError", "StoreError"}
    kinds |= {
        node.name for node in nodes if isinstance(node, ast.ClassDef) and kinds & set(map(ast.unparse, node.bases))
    }
    found = {text for _, text in REASONS}
    for node in nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func) in kinds | {"wrong_value"}:
            found |= {part.value for part in node.args[-1:] if isinstance(part, ast.Constant)}
    return found


def _is_translate(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id == "t"
    return isinstance(function, ast.Call) and isinstance(function.func, ast.Name) and function.func.id == "translate"


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _templates() -> set[str]:
    pattern = re.compile(r"""\bt\((["'])(.+?)\1""")
    return {found[2] for file in PACKAGE.rglob("*.html") for found in pattern.finditer(file.read_text("utf-8"))}


def _help(command: click.Command) -> set[str]:
    """Paragraphs of the help text and each option's help, as the terminal shows them."""
    texts = {" ".join(part.split()) for part in (command.help or "").split("\n\n")}
    with click.Context(command) as ctx:
        texts |= {param.help for param in command.get_params(ctx) if isinstance(param, click.Option) and param.help}
        if isinstance(command, click.Group):
            for name in command.list_commands(ctx):
                texts |= _help(command.get_command(ctx, name))
    return texts


def _words() -> set[str]:
    return (
        {level.word for level in Level}
        | {kind.value for kind in Kind}
        | {*STATUSES, *ROLES, *RUN_STATUSES, *WAITS, *AUDITED}
        | {"active", "blind", "rejected", "muted", "expired", "unused"}
    )


def _lists() -> set[str]:
    """Headings and labels that the code keeps in tables."""
    from soc.anomaly.generate import KINDS as ATTACKS
    from soc.anomaly.words import WORDS
    from soc.cli.doctor import PARTS
    from soc.cli.playbook_show import HEADINGS
    from soc.cli.show import LABELS
    from soc.core.triage import REFUSALS
    from soc.core.when import AGES
    from soc.engines.topics import REASONS
    from soc.respond.said import SENTENCES
    from soc.stores.elasticsearch_plan import KINDS
    from soc.stores.elasticsearch_plan import VERDICTS as CHANGES
    from soc.web.acts import CHANGED
    from soc.web.guard import STALE
    from soc.web.pages import NOT_ALLOWED
    from soc.web.playbooks import GONE_ON, WHY

    return (
        set(REFUSALS)
        | {CHANGED, STALE, NOT_ALLOWED, GONE_ON, WHY}
        | set(REASONS)
        | set(SENTENCES)
        | set(KINDS)
        | set(CHANGES)
        | set(WORDS)
        | set(ATTACKS)
        | set(LABELS)
        | set(HEADINGS)
        | set(PARTS)
        | {text for _, text in AGES}
        | {remedy for _, _, remedy in PARTS.values()}
    )


TEXTS = sorted(
    {text for text in _calls() | _errors() | _templates() | _help(main) | _words() | _lists() if text.strip(" {}.:\n")}
)


def test_there_are_texts() -> None:
    assert len(TEXTS) > 150


@pytest.mark.parametrize("text", TEXTS)
def test_text_is_translated(text: str) -> None:
    assert text in CATALOGUE, f"vi.json lacks: {text!r}"
    names = {name for _, name, _, _ in string.Formatter().parse(text) if name}
    assert {name for _, name, _, _ in string.Formatter().parse(CATALOGUE[text]) if name} == names


def test_no_translation_is_left_over() -> None:
    assert sorted(set(CATALOGUE) - set(TEXTS)) == []


def test_vietnamese_is_used_and_missing_text_stays_english() -> None:
    t = translator("vi")
    assert t("Alerts") == "Cảnh báo"
    assert t("no such text {n}", n=3) == "no such text 3"
