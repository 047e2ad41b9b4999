"""The web rules against labelled requests of others: how much they find, and how little they cry wolf."""

from __future__ import annotations

import csv
import gzip
import io
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from soc import sigma
from soc.core.content import content_root
from soc.parsers import devices, read_line
from soc.pipeline.content import available_datasets

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PAYLOADS = DATA / "web_payloads"
ACCESS = DATA / "access_logs" / "apache_logs.gz"
ATTACKS = frozenset(
    f"{kind}_answered" for kind in ("sql_injection", "cross_site_scripting", "path_traversal", "command_injection")
)

Rules = Callable[[bytes], set[str]]


@pytest.fixture(scope="module")
def rules() -> Rules:
    """An access line -> the names of the web rules that match it."""
    loaded = sigma.load([content_root() / "rules" / "web"])
    assert not loaded.problems
    matcher = sigma.compile(tuple(loaded.rules), available_datasets())
    nginx = devices()["nginx"]
    return lambda raw: {rule.name for rule in matcher.match(nginx.parse(read_line(raw, 0, 0)))}


def _request(payload: str) -> bytes:
    target = f"/tim-kiem?q={quote(payload, safe='', errors='replace')}"
    return f'198.51.100.61 - - [05/Oct/2026:09:00:00 +0700] "GET {target} HTTP/1.1" 200 512 "-" "Mozilla/5.0"'.encode()


def _labelled(name: str, label: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    file = PAYLOADS / name
    if not file.is_file():
        pytest.skip(f"{name} is not here")
    with gzip.open(file, "rb") as raw, io.TextIOWrapper(raw, "utf-8", "replace", newline="") as text:
        for row in csv.DictReader(text):
            found[row[label]].append(row["payload"] or "")
    return found


def _share(rules: Rules, payloads: list[str]) -> float:
    return sum(bool(rules(_request(payload)) & ATTACKS) for payload in payloads) / len(payloads)


def test_parameters_of_attacks_are_found_and_ordinary_ones_are_not(rules: Rules) -> None:
    found = _labelled("httpparams_train.csv.gz", "attack_type")
    assert _share(rules, found["sqli"][::5]) >= 0.99
    assert _share(rules, found["xss"]) >= 0.95
    assert _share(rules, found["norm"][::3]) == 0


def test_a_second_collection(rules: Rules) -> None:
    found = _labelled("mlwaf_payloads.csv.gz", "injection_type")
    assert _share(rules, found["XSS"][::5]) >= 0.85
    assert _share(rules, found["SQL"]) >= 0.65
    # What is found among the "legal" ones are attacks that were labelled wrongly, such as "|ping -n 1 1.2.3.4|rem".
    assert _share(rules, found["LEGAL"][::25]) <= 0.002


def test_real_visitors_raise_no_alert(rules: Rules) -> None:
    if not ACCESS.is_file():
        pytest.skip("no real access log here")
    with gzip.open(ACCESS, "rb") as lines:
        names = set[str]().union(*(rules(line.rstrip(b"\n")) for line in lines))
    assert names <= {"web_client_error", "web_probe", "web_login_attempt"}
