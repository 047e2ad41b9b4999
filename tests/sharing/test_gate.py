"""What must not leave the house does not, however it is written; what may leave does."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soc.core.alert import EventRef
from soc.sharing.gate import RULES, gate
from soc.sharing.stix import check, encode, objects_of, to_bundle
from tests.sharing.conftest import NOW, make_alert

OURS = ["10.1.20.11", "203.0.113.10", "fd00::1", "::ffff:10.1.2.3", "rad-db-01", "www.most.gov.vn", "an@most.gov.vn"]
SLOWLY = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def verdict(ours, *, tlp="amber", allow=frozenset(), **fields):
    return gate(to_bundle(make_alert(**fields), "Bộ KHCN", tlp), ours, allow)


def event(**fields):
    return (EventRef("e", NOW, {name.replace("_", "."): value for name, value in fields.items()}),)


def kinds(found):
    return [item["type"] for item in objects_of(found.bundle)]


def test_an_attackers_address_leaves_and_our_own_stays(ours):
    found = verdict(ours)
    assert not found.held
    assert b"198.51.100.1" in encode(found.bundle)
    assert b"10.1.20.11" not in encode(found.bundle)
    assert [(each.rule, each.value) for each in found.withheld] == [("internal", "10.1.20.11")]


def test_nothing_refers_to_what_was_taken_out(ours):
    found = verdict(ours)
    check(found.bundle)
    ids = {item["id"] for item in objects_of(found.bundle)}
    for item in objects_of(found.bundle):
        refs = [value for key, value in item.items() if key.endswith("_ref")]
        refs += [ref for key, value in item.items() if key.endswith("_refs") for ref in value]
        assert set(refs) <= ids
    assert kinds(found).count("sighting") == kinds(found).count("indicator") == 1


@pytest.mark.parametrize("mine", OURS)
@pytest.mark.parametrize(
    "around", ["{}", "({})", "src:{}", "<{}>", "see {}.", "a={};", "Từ {} đến", "http://x/?to={}&b"]
)
def test_ours_is_masked_in_any_text(ours, mine, around):
    found = verdict(ours, title=around.format(mine), description_vi=around.format(mine))
    assert mine not in encode(found.bundle).decode()
    assert b"[withheld]" in encode(found.bundle)
    assert b"198.51.100.1" in encode(found.bundle)


@pytest.mark.parametrize("text", ["an%40most.gov.vn", "AN@MOST.GOV.VN", "nguyễn.an@mail.most.gov.vn", "a@10.1.2.3"])
def test_a_person_is_not_told_by_a_page_that_was_made_for_them(ours, text):
    found = verdict(ours, events=event(url_full=f"http://bad.example/?to={text}"))
    assert "bad.example" not in encode(found.bundle).decode()


@pytest.mark.parametrize(
    "text", ["10 of 300 tries", "version 4.10.20", "at 10:30:15", "most.gov.vn.bad.example", "8.8.8.8"]
)
def test_other_text_is_left_alone(ours, text):
    assert text in objects_of(verdict(ours, title=text).bundle)[-1]["content"]


@pytest.mark.parametrize("tlp", ["red", "amber+strict"])
def test_what_tlp_keeps_inside_is_held_until_a_person_lifts_it(ours, tlp):
    found = verdict(ours, tlp=tlp)
    assert found.held
    assert b"198.51.100.1" not in encode(found.bundle)
    lifted = verdict(ours, tlp=tlp, allow=frozenset({"tlp"}))
    assert b"198.51.100.1" in encode(lifted.bundle)
    assert b"10.1.20.11" not in encode(lifted.bundle)
    assert b"10.1.20.11" in encode(verdict(ours, tlp=tlp, allow=RULES).bundle)


def test_with_no_indicator_left_a_person_looks(ours):
    assert verdict(ours, group=(), events=event(source_ip="10.9.9.9")).held
    assert not verdict(ours, group=(), events=()).held


@SLOWLY
@given(st.lists(st.sampled_from([*OURS, " ", ":", ".", "@", "/", "x", "9", "%40", "é", "\n"]), max_size=8))
def test_masking_twice_changes_nothing(ours, parts):
    once = verdict(ours, title="".join(parts)).bundle
    assert gate(once, ours).bundle == once
