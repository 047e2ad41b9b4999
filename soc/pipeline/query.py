"""A rule of the content as a query over stored events."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soc.core.finding import RuleInfo
from soc.pipeline.choose import infos, only
from soc.pipeline.content import Content, available_datasets
from soc.sigma import shipped_mapping
from soc.sigma.convert import convert
from soc.sigma.documents import Document, read_documents


def query(content: Content, info: RuleInfo, format: str) -> list[str]:
    """The queries of one rule, or of a correlation with the rules below it. SocError says why there is none."""
    chosen = only(content, [info.id])
    documents: dict[str, Mapping[str, Any]] = {}
    paths = {below.path for below in infos(chosen)}
    for path in sorted(paths):
        for document in read_documents(Path(path)):
            if isinstance(document, Document):
                documents[str(document.document.get("id") or document.hash)] = document.document
    rules = [(rule, documents[rule.info.id]) for rule in chosen.rules]
    correlations = [documents[found.info.id] for found in chosen.correlations]
    return convert(rules, correlations, shipped_mapping(), available_datasets(), format)
