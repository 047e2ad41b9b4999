"""``soc explain``: why a rule fires on an event, or why not: a tree of its conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import click
import orjson
from rich.text import Text
from rich.tree import Tree

from soc.cli.command import language, today, translate, verb
from soc.cli.show import console, title_of
from soc.cli.windows import VIETNAM, after_events, of_running, read, show
from soc.core.errors import SocError
from soc.core.event import Event, RawBatch, from_wire
from soc.core.finding import RuleInfo
from soc.core.hostile import plain
from soc.core.i18n import Translate
from soc.correlation import Correlation
from soc.pipeline.build import build_pipeline
from soc.pipeline.content import Content, load_content
from soc.sigma import Node, Rule, explain
from soc.sigma.cache import users_folder


@verb("explain")
@click.argument("rule")
@click.argument("event", required=False, type=click.Path(allow_dash=True, path_type=Path))
@click.option(
    "--rules", multiple=True, type=click.Path(exists=True, path_type=Path), help="More rules (file or folder)."
)
@click.option(
    "--data-dir", type=click.Path(exists=True, path_type=Path), help="Where soc run keeps its state, for a correlation."
)
@click.option("--json", "as_json", is_flag=True, help="The tree as JSON.")
def command(rule: str, event: Path | None, rules: tuple[Path, ...], data_dir: Path | None, as_json: bool) -> None:
    """Show which conditions of a rule an event meets, or how far the windows of a correlation are.

    RULE is an id, a name or a file; EVENT is a file of log lines or of events as "soc parse" writes them (- for
    standard input). Of a rule the first event that it fires on is shown, else the first; of a correlation the windows
    after the last one.

    Exit status: 0 it fires, 1 it does not.
    """
    t = translate()
    content, found = _rule(rule, rules)
    if isinstance(found, Correlation):
        if data_dir:
            show(found.info, of_running(content, found.info, data_dir), False, as_json, t)
        elif event:
            show(found.info, *after_events(content, found.info, event), as_json, t)
        raise SocError("{name} is a correlation; give it events, or --data-dir", name=rule)
    if event is None:
        raise SocError("{name} is a rule; give it an event", name=rule)
    trees = (explain(found, one) for one in _events(event, content))
    first = next(trees)
    tree = first if first.matched else next((other for other in trees if other.matched), first)
    if as_json:
        click.echo(orjson.dumps(tree, option=orjson.OPT_INDENT_2))
    else:
        verdict = t("fires") if tree.matched else t("does not fire")
        version = (f"  {plain(found.info.id)} {found.info.hash[:8]}", "dim")
        title = f" {title_of(found.info, language())}: {verdict}"
        root = Tree(Text.assemble((_mark(tree), _style(tree)), title, version))
        _grow(root, tree, t)
        console().print(root)
    raise SystemExit(0 if tree.matched else 1)


def _rule(wanted: str, more: tuple[Path, ...]) -> tuple[Content, Rule | Correlation]:
    path = Path(wanted)
    folders = [path] if path.is_file() else more
    content = load_content(folders, shipped=not path.is_file(), today=today(), cache=users_folder())

    def is_meant(info: RuleInfo) -> bool:
        return path.is_file() or wanted in (info.id, info.name, Path(info.path).stem)

    # Of a file with a correlation and its rules, the correlation is what is asked about: the highest one.
    for correlation in reversed(content.correlations):
        if is_meant(correlation.info):
            return content, correlation
    for rule in content.rules:
        if is_meant(rule.info):
            return content, rule
    problems = "".join(f"; {problem}" for problem in content.problems)
    raise SocError(translate()("no rule {name}", name=wanted) + problems)


def _events(path: Path, content: Content) -> Iterator[Event]:
    """One event as JSON, however it is laid out, or the events of a file's lines; SocError when there is none."""
    batches = read(path)
    first = next(batches, None)
    found = False
    if isinstance(first, RawBatch) and (one := _whole(first.lines, path)) is not None:
        yield one
        return
    pipeline = build_pipeline(content, None, zone=VIETNAM)
    for batch in chain([first] if first else [], batches):
        for event in batch if isinstance(batch, list) else pipeline.feed(batch).events:
            found = True
            yield event
    if not found:
        raise SocError("{path}: no event in it", path=path)


def _whole(lines: Sequence[bytes], path: Path) -> Event | None:
    """The event that the lines are together; None when they are no JSON. SocError when it is no event."""
    try:
        data = orjson.loads(b"\n".join(lines))
    except ValueError:
        return None
    try:
        if not isinstance(data, dict):
            raise ValueError("not a JSON object")
        return from_wire(data)
    except ValueError as error:
        raise SocError(path, error) from error


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
