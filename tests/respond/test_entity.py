import pytest

from soc.core.finding import Finding, Kind, Level, RuleInfo
from soc.respond.entity import group_of


def finding(event, group=(), fold=()):
    rule = RuleInfo("id", "name", "title", Kind.RULE, Level.HIGH, "hash", fold=fold)
    return Finding(rule, group, 0, 0, 0, 1, (event,) if event is not None else ())


@pytest.mark.parametrize(
    ("event", "group"),
    [
        (
            {"email.sender.address": "A@x.example", "source.ip": "198.51.100.1"},
            (("email.sender.address", "a@x.example"),),
        ),
        # a bounce has an empty sender, and whoever sends it is known by address only
        ({"email.sender.address": "", "source.ip": "198.51.100.1"}, (("source.ip", "198.51.100.1"),)),
        ({"email.from.address": ("b@x.example", "a@x.example")}, (("email.from.address", "a@x.example,b@x.example"),)),
        ({"source.ip": "2001:DB8::1", "user.name": "u", "host.name": "h"}, (("source.ip", "2001:db8::1"),)),
        ({"user.name": "u", "host.name": "h"}, (("user.name", "u"), ("host.name", "h"))),
        ({"host.name": "h", "observer.name": "o"}, (("host.name", "h"),)),
        ({"user.name": "u", "observer.name": "o"}, (("user.name", "u"),)),
        ({"observer.name": "o", "soc.origin": "udp:10.0.0.1"}, (("observer.name", "o"),)),
        ({"soc.origin": "udp:10.0.0.1"}, (("soc.origin", "udp:10.0.0.1"),)),
        ({}, ()),
        (None, ()),
    ],
)
def test_the_default_entity(event, group):
    assert group_of(finding(event)) == group


def test_a_correlations_own_group_is_kept():
    own = (("destination.ip", "10.0.0.1"),)
    assert group_of(finding({"source.ip": "198.51.100.1"}, group=own)) == own


def test_the_rule_may_name_the_fields():
    event = {"source.ip": "198.51.100.1", "url.domain": "evil.example"}
    assert group_of(finding(event, fold=("url.domain",))) == (("url.domain", "evil.example"),)
    assert group_of(finding(event, fold=("url.domain", "user.name"))) == (
        ("url.domain", "evil.example"),
        ("user.name", ""),
    )


def test_fields_named_by_the_rule_that_the_event_lacks_leave_the_default():
    assert group_of(finding({"source.ip": "198.51.100.1"}, fold=("user.name",))) == (("source.ip", "198.51.100.1"),)


def test_a_correlations_value_wins_over_its_first_event():
    event = {"user.name": "first"}
    assert group_of(finding(event, group=(("user.name", "whole"),), fold=("user.name",))) == (("user.name", "whole"),)
