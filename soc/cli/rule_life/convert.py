"""``soc rules convert``: a rule as a query for where events are stored."""

from __future__ import annotations

import click

from soc.cli.command import verb
from soc.cli.installed import content_with
from soc.core.hostile import plain
from soc.pipeline.choose import chosen
from soc.pipeline.query import query
from soc.sigma.convert import FORMATS


@verb("convert")
@click.argument("rule")
@click.option("--to", type=click.Choice(["elasticsearch"]), default="elasticsearch", show_default=True, help="Where.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="lucene", show_default=True, help="The query language."
)
def convert(rule: str, to: str, form: str) -> None:
    """Print a rule as a query over stored events: our field names, and its log source as event.dataset.

    RULE is an id, a name, a part of the title, or a file. Filters and mutes are not part of the query. Correlations
    have a query only as esql or eql. Exit status: 0 converted, 2 there is no such query, with the reason.
    """
    content = content_with(rule)
    for info in chosen(content, rule):
        for text in query(content, info, form):
            click.echo("\n".join(plain(line) for line in text.split("\n")))
