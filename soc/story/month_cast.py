"""Who takes part in the made-up month: sources, places, habits of the rules, and the intrusion."""

from __future__ import annotations

from typing import NamedTuple


class Source(NamedTuple):
    """rate: events in tenths an hour when hardly anybody works; ten times that in a busy hour."""

    origin: str
    module: str
    rate: int


class Place(NamedTuple):
    """A server; or, with host "", a network of people, whose ip is the beginning of an address."""

    ip: str
    host: str
    system: str
    unit: str
    level: int


class Habit(NamedTuple):
    """A rule, the module of its events, alerts on a weekday and their share at a weekend; most: events in one alert.

    outside: somebody on the Internet against a server of ours, at any hour; else a person of ours in office hours.
    """

    rule: str
    module: str
    rate: float
    weekend: float
    most: int
    outside: bool = False


# what a rule finds is in the lines of the first source of its module, and so never in those of the silent one
SOURCES = (
    Source("udp:10.1.99.1", "fortinet", 12),
    Source("udp:10.2.99.1", "fortinet", 11),
    Source("udp:10.1.99.10", "suricata", 11),
    Source("tcp:10.1.20.25", "postfix", 10),
    Source("tcp:10.1.20.25", "rspamd", 10),
    Source("tcp:10.1.20.25", "clamav", 1),
    Source("udp:10.1.20.11", "nginx", 11),
    Source("udp:10.4.20.11", "nginx", 10),
    Source("udp:10.1.40.10", "linux", 10),
    Source("udp:10.4.20.11", "linux", 10),
    Source("udp:10.6.20.11", "apache", 10),
    Source("udp:10.1.20.40", "syslog", 1),
)

SERVERS = (
    Place("10.1.20.25", "mx1", "mail", "cntt", 3),
    Place("10.1.20.25", "mx1", "mail", "cntt", 3),
    Place("10.1.20.11", "portal-web-01", "portal", "cntt", 3),
    Place("10.1.20.11", "portal-web-01", "portal", "cntt", 3),
    Place("10.4.20.11", "nasati-web-01", "nasati-portal", "nasati", 2),
    Place("10.6.20.11", "vinatom-web-01", "vinatom-portal", "vinatom", 2),
    Place("10.3.40.10", "ip-db-01", "ip-db", "noip", 4),
    Place("10.1.40.10", "rad-db-01", "radiation-db", "atbx", 4),
)

PEOPLE = (
    Place("10.1.50.", "", "", "vp", 0),
    Place("10.1.51.", "", "", "khtc", 0),
    Place("10.1.52.", "", "", "cntt", 0),
    Place("10.2.50.", "", "", "atbx", 0),
    Place("10.3.50.", "", "", "noip", 0),
    Place("10.5.50.", "", "", "stameq", 0),
)

ORDINARY = (
    Habit("tls_self_signed_outside", "suricata", 2.6, 0.15, 120),
    Habit("dns_to_outside_resolver", "suricata", 1.3, 0.15, 60),
    Habit("fortigate_remote_access_application", "fortinet", 0.9, 0.1, 12),
    Habit("web_proxy_avoidance_allowed", "fortinet", 0.6, 0.1, 8),
    Habit("doh_resolver_used", "fortinet", 0.5, 0.1, 40),
    Habit("virus_blocked_repeatedly", "fortinet", 0.2, 0.1, 9),
    Habit("suricata_malware_blocked", "suricata", 0.15, 0.2, 6),
    Habit("tls_tunnel_service", "suricata", 0.15, 0.2, 20),
    Habit("beacon", "suricata", 0.06, 0.3, 70),
    Habit("fortigate_virus_passed", "fortinet", 0.06, 0.2, 2),
    Habit("internet_port_scan", "fortinet", 1.2, 0.9, 200, True),
    Habit("web_scan", "nginx", 1.0, 0.9, 150, True),
    Habit("web_probing", "nginx", 0.7, 0.9, 40, True),
    Habit("attack_tool_user_agent", "nginx", 0.6, 0.9, 60, True),
    Habit("sasl_brute_force", "postfix", 0.8, 0.9, 90, True),
    Habit("ssh_brute_force", "linux", 0.5, 0.9, 110, True),
    Habit("vpn_password_guessing", "fortinet", 0.25, 0.9, 50, True),
    Habit("rspamd_suspicious_mail_delivered", "rspamd", 0.9, 0.3, 4, True),
    Habit("own_domain_forged_from_outside", "rspamd", 0.25, 0.5, 6, True),
    Habit("lookalike_sender_domain", "rspamd", 0.1, 0.3, 3, True),
    Habit("clamav_file_infected", "clamav", 0.2, 0.3, 2, True),
    Habit("sensitive_file_served", "nginx", 0.08, 0.9, 3, True),
    Habit("log4shell_request", "nginx", 0.12, 0.9, 8, True),
)

MALWARE_HOST = "10.1.50.23"

# rule, module, minutes after the first, events, address of the server that it is about
INTRUSION: tuple[tuple[str, str, int, int, str], ...] = (
    ("web_payload_from_new_domain", "fortinet", 0, 1, ""),
    ("fortigate_virus_passed", "fortinet", 1, 1, ""),
    ("malware_infection_chain", "fortinet", 1, 4, ""),
    ("suricata_malware_c2", "suricata", 12, 31, ""),
    ("infected_host_scans", "suricata", 95, 240, "10.1.40.10"),
    ("suricata_lateral_movement", "suricata", 140, 6, "10.1.40.10"),
    ("ssh_brute_force_then_success", "linux", 1395, 64, "10.1.40.10"),
    ("account_added_to_admin_group", "linux", 1402, 1, "10.1.40.10"),
    ("large_upload", "fortinet", 1440, 12, ""),
)
