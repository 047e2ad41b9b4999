from pathlib import Path

import pytest

import soc.story
from soc.core.fields import FIELDS, check_event
from soc.enrich import enricher as enricher_module
from soc.enrich.enricher import ENRICHED, Enricher
from soc.enrich.inventory import read_inventory

MINISTRY = read_inventory(Path(soc.story.__file__).with_name("inventory.yml"))
ATTACKER = "198.51.100.66"


def enriched(**fields):
    event = {name.replace("_", "."): value for name, value in fields.items()}
    before = set(event)
    Enricher(MINISTRY)(event)
    assert check_event(event) == []
    assert set(event) - before <= ENRICHED
    return {name: value for name, value in event.items() if name not in before}


def test_every_added_field_is_in_the_field_table():
    assert FIELDS.keys() >= ENRICHED


@pytest.mark.parametrize(
    ("source", "destination", "direction"),
    [
        ("10.1.50.7", "10.4.20.11", "internal"),
        ("10.1.50.7", ATTACKER, "outbound"),
        (ATTACKER, "203.0.113.10", "inbound"),
        (ATTACKER, "198.51.100.67", "external"),
        ("2001:db8:a113:50::9", "2001:db8:ffff::1", "outbound"),
        ("192.168.1.1", "255.255.255.255", "internal"),
        # the reporting host stands in for the party that the line does not name
        (ATTACKER, None, "inbound"),
        ("10.1.50.7", None, "internal"),
        (None, ATTACKER, "outbound"),
        (None, None, None),
    ],
)
def test_direction(source, destination, direction):
    parties = {"source_ip": source, "destination_ip": destination}
    added = enriched(**{name: ip for name, ip in parties.items() if ip})
    assert added.get("network.direction") == direction


def test_an_attack_on_a_system_is_about_that_system():
    assert enriched(source_ip=ATTACKER, destination_ip="203.0.113.10", observer_name="FGT-THD113") == {
        "network.direction": "inbound",
        "destination.soc.unit": "cntt",
        "destination.soc.system": "portal",
        "soc.system": "portal",
        "soc.unit": "cntt",
        "soc.site": "thd113",
        "soc.level": 3,
    }


def test_a_users_machine_going_out_is_about_its_unit_not_about_the_firewall_that_saw_it():
    assert enriched(source_ip="10.1.50.7", destination_ip=ATTACKER, observer_name="FGT-THD113") == {
        "network.direction": "outbound",
        "source.soc.unit": "vp",
        "soc.unit": "vp",
        "soc.site": "thd113",
    }


def test_between_two_systems_the_higher_level_counts():
    added = enriched(source_ip="10.1.40.10", destination_ip="10.1.20.25")
    assert (added["soc.system"], added["soc.level"]) == ("radiation-db", 4)
    assert (added["source.soc.system"], added["destination.soc.system"]) == ("radiation-db", "mail")


def test_between_equal_systems_the_destination_counts():
    assert enriched(source_ip="10.1.20.25", destination_ip="10.1.20.11")["soc.system"] == "portal"


@pytest.mark.parametrize("field", ["host_name", "observer_name", "observer_hostname"])
def test_what_happens_on_a_host_is_about_its_system(field):
    assert enriched(**{field: "RAD-DB-01"}) == {
        "soc.system": "radiation-db",
        "soc.unit": "atbx",
        "soc.site": "thd113",
        "soc.level": 4,
    }


def test_a_log_in_from_outside_is_about_the_host_that_reports_it():
    added = enriched(source_ip=ATTACKER, host_name="nasati-web-01")
    assert (added["network.direction"], added["soc.system"], added["soc.level"]) == ("inbound", "nasati-portal", 2)


def test_a_stranger_brings_nothing_but_direction():
    assert enriched(source_ip=ATTACKER, destination_ip="198.51.100.67", host_name="elsewhere") == {
        "network.direction": "external"
    }


@pytest.mark.parametrize(
    ("sender", "recipients", "direction"),
    [
        ("a@attacker.example", ("b@most.gov.vn", "c@most.gov.vn"), "inbound"),
        ("a@attacker.example", ("b@most.gov.vn", "c@example.org"), "inbound"),
        ("a@most.gov.vn", ("b@noip.gov.vn",), "internal"),
        ("a@most.gov.vn", ("b@most.gov.vn", "c@example.org"), "outbound"),
        ("a@attacker.example", ("c@example.org",), "external"),
        ("A@Mail.MOST.gov.vn", ("c@example.org",), "outbound"),
        ("a@most.gov.vn.attacker.example", ("b@most.gov.vn",), "inbound"),
        ("", ("b@most.gov.vn",), "inbound"),
        ("a@most.gov.vn", (), None),
    ],
)
def test_mail_direction(sender, recipients, direction):
    added = enriched(**{"email_sender_address": sender, "email_to_address": recipients})
    assert added.get("email.direction") == direction


def test_the_header_tells_the_sender_where_the_envelope_is_not_known():
    added = enriched(email_from_address=("a@most.gov.vn",), email_to_address=("c@example.org",))
    assert added["email.direction"] == "outbound"
    assert "email.direction" not in enriched(email_to_address=("c@example.org",))


def test_what_a_line_claims_about_direction_is_replaced():
    event = {"source.ip": ATTACKER, "destination.ip": "10.1.20.25", "network.direction": "internal", "soc.level": 1}
    Enricher(MINISTRY)(event)
    assert (event["network.direction"], event["soc.level"]) == ("inbound", 3)


def test_memory_is_bounded_and_events_do_not_share_what_is_remembered(monkeypatch):
    monkeypatch.setattr(enricher_module, "MEMORY", 5)
    enrich = Enricher(MINISTRY)
    for number in range(50):
        event = {"destination.ip": "10.1.20.25", "host.name": f"forged-{number}"}
        enrich(event)
        event["soc.system"] = "changed by somebody"
        assert len(enrich._known) <= 5
    fresh = {"destination.ip": "10.1.20.25", "host.name": "forged-49"}
    enrich(fresh)
    assert fresh["soc.system"] == "mail"
