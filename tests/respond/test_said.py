"""What the audit says is read in both languages, whatever a connector puts into it."""

import ast
import re
from pathlib import Path

import pytest

import soc
from soc.core.i18n import translator
from soc.respond.said import SENTENCES, said

HERE = Path(soc.__file__).parent


@pytest.mark.parametrize(
    ("english", "vietnamese"),
    [
        ("soc.yml sets up no smtp", "soc.yml chưa khai báo smtp"),
        ("unknown whether it was done: the connection broke: x", "chưa rõ đã làm hay chưa: kết nối bị ngắt: x"),
        ("hook answered 302, and redirects are not followed", "hook trả lời 302, mà chuyển hướng thì không được theo"),
        ("somebody's own words {x}", "somebody's own words {x}"),
    ],
)  # fmt: skip
def test_a_line_is_read_in_both_languages(english: str, vietnamese: str) -> None:
    assert said(english, translator("vi")) == vietnamese
    assert said(english, translator("en")) == english


def test_every_sentence_of_a_connector_is_known() -> None:
    known = {re.sub(r"\{\w+\}", "{}", sentence) for sentence in SENTENCES}
    unknown = []
    for file in (HERE / "engines" / "connectors").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                text = _shape(node.exc.args[0])
                if text and not any(re.fullmatch(_loosely(one), text) for one in known):
                    unknown.append((file.name, node.lineno, text))
    assert unknown == []


def _shape(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return ""


def _loosely(sentence: str) -> str:
    return re.escape(sentence).replace(r"\{\}", ".+")
