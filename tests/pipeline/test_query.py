"""Rules as queries over stored events: our field names, the datasets of the log source, and honest refusals."""

import json
from collections import Counter
from pathlib import Path

import pytest

from soc.core.errors import SocError
from soc.pipeline.choose import named
from soc.pipeline.content import Content, load_content
from soc.pipeline.query import query
from soc.sigma.convert import FORMATS

PROXY = """\
title: Agent
logsource: {category: proxy}
detection:
  a: {c-useragent|startswith: curl, cs-method: POST}
  b: {cs-host: ''}
  condition: a and not b
"""


@pytest.fixture(scope="module")
def shipped() -> Content:
    return load_content()


def of_file(tmp_path: Path, text: str, format: str) -> str:
    file = tmp_path / "rule.yml"
    file.write_text(text)
    content = load_content([file], shipped=False)
    (found,) = query(content, content.rules[0].info, format)
    return found


def test_sigmas_fields_become_ours_and_the_log_source_a_condition(tmp_path: Path) -> None:
    """Also for a rule without an id."""
    lucene = of_file(tmp_path, PROXY, "lucene")
    assert "user_agent.original:curl*" in lucene
    assert "http.request.method:POST" in lucene
    assert "fortinet.webfilter" in lucene.partition("user_agent")[0]
    assert "c-useragent" not in lucene


def test_all_formats_say_the_same(shipped: Content) -> None:
    info = named(shipped, "ssh_root_password_login")
    made = {format: query(shipped, info, format)[0] for format in FORMATS}
    assert json.loads(made["dsl"])["query"]["bool"]["must"][0]["query_string"]["query"] == made["lucene"]
    assert 'event.outcome:"success"' in made["eql"]
    assert made["esql"].startswith("from * ")
    for text in made.values():
        assert all(name in text for name in ("event.dataset", "linux.sshd", "user.name", "linux.auth.method"))


def test_a_correlation_is_converted_with_its_rules(shipped: Content) -> None:
    (found,) = query(shipped, named(shipped, "ssh_brute_force"), "esql")
    assert "linux.sshd" in found
    assert "event_count >= 10" in found


@pytest.mark.parametrize(
    ("change", "format", "why"),
    [
        ({"category: proxy": "product: nothing"}, "lucene", "no source: nothing here makes events of product=nothing"),
        ({"cs-host: ''": "cs-host|fieldref: c-uri"}, "lucene", "can't handle field references"),
        ({"b: {cs-host: ''}": "b: [word]"}, "esql", "refuses it as esql"),
    ],
)
def test_what_has_no_query_is_said(tmp_path: Path, change: dict[str, str], format: str, why: str) -> None:
    text = PROXY
    for old, new in change.items():
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(SocError, match=why):
        of_file(tmp_path, text, format)


def test_every_shipped_rule_has_a_query_or_a_reason(shipped: Content) -> None:
    outcomes: Counter[str] = Counter()
    for rule in shipped.rules:
        try:
            outcomes["made"] += len(query(shipped, rule.info, "lucene"))
        except SocError as error:
            assert str(error).startswith("pySigma's Elasticsearch backend refuses")
            outcomes["refused"] += 1
    assert outcomes["made"] >= len(shipped.rules) - 5
