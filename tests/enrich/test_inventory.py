from dataclasses import astuple
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import soc.story
from soc.core.errors import SettingsError
from soc.core.event import micros
from soc.enrich import inventory as inventory_module
from soc.enrich.inventory import Inventory, Place, read_inventory
from soc.enrich.networks import PrefixTable

MINISTRY = Path(soc.story.__file__).with_name("inventory.yml")


@pytest.fixture(scope="module")
def ministry():
    return read_inventory(MINISTRY)


@pytest.mark.parametrize(
    ("ip", "place"),
    [
        ("10.1.20.25", Place("cntt", "thd113", "dmz", "mail", 3, "thd113-dmz")),
        ("10.1.20.99", Place("cntt", "thd113", "dmz", network="thd113-dmz")),
        ("10.1.50.7", Place("vp", "thd113", "users", network="thd113-vp")),
        ("10.1.77.7", Place("cntt", "thd113", network="thd113")),
        ("2001:db8:a113:50::9", Place("vp", "thd113", "users", network="thd113-vp-v6")),
        ("2001:0DB8:A113:0050:0:0:0:9", Place("vp", "thd113", "users", network="thd113-vp-v6")),
        ("::ffff:10.1.50.7", Place("vp", "thd113", "users", network="thd113-vp")),
        ("10.1.40.10", Place("atbx", "thd113", system="radiation-db", level=4, network="thd113")),
        # a system's own unit wins over the network's that it stands in
        ("203.0.113.61", Place("vinatom", "units", "public", "vinatom-portal", 2, "public")),
        ("192.168.7.7", Place()),
        ("fe80::1%eth0", Place()),
        ("224.0.0.251", Place()),
        ("8.8.8.8", None),
        ("2001:db8:ffff::1", None),
        ("not an address", None),
        ("", None),
        ("10.1.50.7/32", None),
    ],
)
def test_an_address_is_at_its_most_specific_place(ministry, ip, place):
    for _ in ("worked out", "from memory"):
        found = ministry.look_up(ip)
        assert (found and astuple(found)) == (place and astuple(place))


def test_a_host_is_found_by_its_exact_name_in_any_case(ministry):
    assert ministry.by_host("MX1.most.gov.vn").system == "mail"
    assert astuple(ministry.by_host("fgt-thd113")) == astuple(Place("cntt", "thd113", system="security", level=3))
    assert ministry.by_host("www.attacker.example") is None


def test_domains_and_what_is_under_them_are_ours(ministry):
    assert ministry.owns_domain("most.gov.vn")
    assert ministry.owns_domain("Mail.MOST.gov.vn.")
    assert ministry.owns_domain("ipvietnam.gov.vn")
    assert not ministry.owns_domain("notmost.gov.vn")
    assert not ministry.owns_domain("most.gov.vn.attacker.example")
    assert not ministry.owns_domain("")


def test_an_empty_inventory_still_knows_private_addresses():
    nobody = Inventory.empty()
    assert nobody.look_up("172.16.0.1").unit == ""
    assert nobody.look_up("fd00::1").system == ""
    assert nobody.look_up("172.32.0.1") is None
    assert not nobody.owns_domain("most.gov.vn")


def test_a_scanner_is_one_until_the_end_of_its_last_local_day(ministry):
    last_moment = micros("2027-06-30T16:59:59.999999Z")
    assert ministry.scanner("10.1.99.30", last_moment).owner == "cntt"
    assert ministry.scanner("10.1.99.30", last_moment + 1) is None
    assert ministry.scanner("10.1.99.31", last_moment) is None


def test_memory_is_bounded_and_forgetting_changes_nothing(monkeypatch, ministry):
    monkeypatch.setattr(inventory_module, "MEMORY", 10)
    before = ministry.look_up("10.1.20.25")
    for number in range(200):
        ministry.look_up(f"198.51.100.{number}")
        assert len(ministry._seen) <= 10 or number == 0
    assert ministry.look_up("10.1.20.25") == before


@given(
    st.lists(st.tuples(st.ip_addresses(), st.integers(0, 32)), max_size=12),
    st.ip_addresses(),
)
def test_the_table_agrees_with_trying_every_range(ranges, address):
    networks = [ip_network((ip, length * (1 if ip.version == 4 else 4)), strict=False) for ip, length in ranges]
    held = sorted({n for n in networks if n.version == address.version and address in n}, key=lambda n: n.prefixlen)
    if getattr(address, "ipv4_mapped", None):
        return
    found = PrefixTable([(network, str(network)) for network in networks]).look_up(str(ip_address(address)))
    assert found == (str(held[-1]) if held else None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("systems:\n  - {id: a}\n  - {id: b, unit: nowhere}", ":3: systems[1].unit: there is no unit 'nowhere'"),
        ("systems:\n  - {id: a, level: 6}", ":2: systems[0].level: Expected `int` <= 5"),
        ("networks:\n  - cidr: 10.0.0.0/8\n    site: x", ":3: networks[0].site: there is no site 'x'"),
        ("networks: [{cidr: 10.0.0.0/8, system: x}]", ":1: networks[0].system: there is no system 'x'"),
        ("networks:\n  - {cidr: 10.0.0.1/8}", ":2: networks[0].cidr: 10.0.0.1/8 has host bits set"),
        ("networks:\n  - {cidr: 10.0.0.0/8}\n  - {cidr: 10.0.0.0/8}", ":3: networks[1].cidr: '10.0.0.0/8' is already"),
        ("units:\n  - {id: a}\n  - {id: a}", ":3: units[1].id: 'a' is already at units[0].id"),
        ("systems:\n  - {id: a, hosts: [X]}\n  - {id: b, hosts: [x]}", ":3: systems[1].hosts[0]: 'x' is already"),
        ("systems:\n  - {id: a, addresses: [nonsense]}", "systems[0].addresses[0]: 'nonsense' does not appear"),
        ("systems:\n  - {id: a, adresses: []}", ":2: systems[0]: Object contains unknown field `adresses`"),
        ("scanners: [{why: x, owner: a, until: 2027-01-01}]", "owner: there is no unit 'a'"),
        ("units: [{id: a}]\nscanners: [{why: x, owner: a, until: 2027-01-01}]", ":2: scanners[0]: needs either"),
        ("units: [{id: a}]\nscanners: [{why: x, owner: a, until: soon, address: 10.0.0.1}]", ":2: scanners[0].until"),
    ],
)
def test_what_is_wrong_is_named_by_file_line_and_key(tmp_path, text, message):
    path = tmp_path / "inventory.yml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError) as raised:
        read_inventory(path)
    assert str(raised.value).startswith(str(path))
    assert message in str(raised.value)


def test_an_empty_file_is_an_inventory(tmp_path):
    path = tmp_path / "inventory.yml"
    path.write_text("", "utf-8")
    assert read_inventory(path).look_up("10.0.0.1") is not None
