"""``soc explain``: why a rule fires on an event, or why not: a tree of its conditions."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import orjson
from rich.text import Text
from rich.tree import Tree

from soc.cli.command import language, today, translate, verb
from soc.cli.show import console, title_of
from soc.core.errors import SocError
from soc.core.event import Event, from_wire
from soc.core.finding import RuleInfo
from soc.core.hostile import plain
from soc.core.i18n import Translate
from soc.pipeline.content import load_content
from soc.sigma import Node, Rule, explain


@verb("explain")
@click.argument("rule")
@click.argument("event", type=click.Path(allow_dash=True, path_type=Path))
@click.option(
    "--rules", multiple=True, type=click.Path(exists=True, path_type=Path), help="More rules (file or folder)."
)
@click.option("--json", "as_json", is_flag=True, help="The tree as JSON.")
def command(rule: str, event: Path, rules: tuple[Path, ...], as_json: bool) -> None:
    """Show which conditions of a rule an event meets.

    RULE is an id, a name or a file; EVENT.json is an event as "soc parse" writes it (- for standard input).
    Exit status: 0 it fires, 1 it does not.
    """
    t = translate()
    found = _rule(rule, rules)
    tree = explain(found, _event(event))
    if as_json:
        click.echo(orjson.dumps(tree, option=orjson.OPT_INDENT_2))
    else:
        verdict = t("fires") if tree.matched else t("does not fire")
        root = Tree(Text.assemble((_mark(tree), _style(tree)), f" {title_of(found.info, language())}: {verdict}"))
        _grow(root, tree, t)
        console().print(root)
    raise SystemExit(0 if tree.matched else 1)


def _rule(wanted: str, more: tuple[Path, ...]) -> Rule:
    path = Path(wanted)
    content = load_content([path] if path.is_file() else more, shipped=not path.is_file(), today=today())

    def is_meant(info: RuleInfo) -> bool:
        return path.is_file() or wanted in (info.id, info.name, Path(info.path).stem)

    for rule in content.rules:
        if is_meant(rule.info):
            return rule
    for correlation in content.correlations:
        if is_meant(correlation.info):
            names = ", ".join(role.rule.name or role.rule.id for role in correlation.roles)
            raise SocError(
                translate()("{name} is a correlation; explain one of its rules: {names}", name=wanted, names=names)
            )
    problems = "".join(f"; {problem}" for problem in content.problems)
    raise SocError(translate()("no rule {name}", name=wanted) + problems)


def _event(path: Path) -> Event:
    try:
        raw = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        data = orjson.loads(raw)
        if not isinstance(data, dict):
            raise ValueError("not a JSON object")
        return from_wire(data)
    except OSError as error:
        raise SocError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise SocError(f"{path}: {error}") from error


def _mark(node: Node) -> str:
    return "✔" if node.matched else "✘"


def _style(node: Node) -> str:
    return "green" if node.matched else "red"


def _grow(tree: Tree, node: Node, t: Translate) -> None:
    for child in node.children:
        text = Text.assemble((_mark(child), _style(child)), " ")
        if child.field or child.operator:
            text.append(plain(child.field))
            text.append(f" {plain(child.operator)} ", style="dim")
            text.append(plain(child.pattern, 100), style="bold")
            text.append(f"   {t('was')} {plain(child.value, 160)}")
        else:
            text.append(plain(child.label))
        _grow(tree.add(text), child, t)
