"""Ordinary scene: what the IDS says of its own accord. Statistics, protocol oddities, low-priority signatures."""

from __future__ import annotations

from soc.story import cast
from soc.story.chance import Dice
from soc.story.sites import SITES, stranger
from soc.story.stage import Stage
from soc.story.suricata import Json
from soc.story.times import CLOSING, MINUTE, at, eve_stamp, even_moments, regular_moments, working_moments
from soc.story.wire import UDP, Connection

_INFORMATIVE = (
    (2027390, "ET INFO Microsoft Connection Test", "Misc activity", 3),
    (2033967, "ET INFO Observed DNS over HTTPS Domain in TLS SNI", "Misc activity", 3),
    (2013504, "ET POLICY GNU/Linux APT User-Agent Outbound", "Not Suspicious Traffic", 3),
    (2260002, "SURICATA Applayer Detect protocol only one direction", "Generic Protocol Command Decode", 3),
    (2210044, "SURICATA STREAM Packet with invalid timestamp", "Generic Protocol Command Decode", 3),
)  # fmt: skip
_ODDITIES: tuple[Json, ...] = (
    {"type": "stream", "event": "stream.pkt_spurious_retransmission"},
    {"type": "stream", "event": "stream.est_packet_out_of_window"},
    {"app_proto": "http", "type": "applayer", "event": "UNABLE_TO_MATCH_RESPONSE_TO_REQUEST", "layer": "proto_parser"},
    {"type": "applayer", "event": "APPLAYER_DETECT_PROTOCOL_ONLY_ONE_DIRECTION", "layer": "proto_detect"},
)  # fmt: skip


def play(stage: Stage) -> None:
    """One morning of one sensor."""
    dice = stage.dice("sensor")
    for moment in working_moments(dice, 70):
        wire = _someone(dice, moment)
        stage.ids.alert(moment, wire, dice.pick(_INFORMATIVE), "tls", {})
    for moment in working_moments(dice, 60):
        stage.ids.record(moment, _someone(dice, moment), "anomaly", {"anomaly": dice.pick(_ODDITIES)})
    for moment in even_moments(dice, 30):
        address, _ = stranger(dice)
        wire = Connection(moment, 900, address, dice.whole(1_100, 65_500), cast.PORTAL, 443, 1_240, 600)
        signature = (2402000, "ET DROP Dshield Block Listed Source group 1", "Misc Attack", 2)
        stage.ids.alert(moment, wire, signature, "", {})
    for moment in working_moments(dice, 25):
        person = dice.pick(cast.OFFICE_VP)
        wire = Connection(
            moment, 9_000, person.address, dice.whole(49_200, 65_500), "198.19.10.51", 19_302, 62, 74, UDP
        )
        signature = (2033078, "ET INFO Session Traversal Utilities for NAT (STUN Binding Request)", "Misc activity", 3)
        stage.ids.alert(moment, wire, signature, "", {})
    _statistics(stage, dice)


def _someone(dice: Dice, moment: int) -> Connection:
    person, site = dice.pick(cast.OFFICE_VP), dice.pick(SITES)
    return Connection(
        moment - 200_000, 4_000_000, person.address, dice.whole(49_200, 65_500), site.address, 443, 2_140, 8_800
    )


def _statistics(stage: Stage, dice: Dice) -> None:
    """The IDS counts its packets each minute."""
    packets, uptime = 41_882_310, 604_800
    for moment in regular_moments(dice, MINUTE, start=at("07:00:30"), end=CLOSING):
        packets += dice.whole(90_000, 260_000)
        uptime += 60
        reload: Json = {
            "id": 0,
            "last_reload": eve_stamp(at("04:10:11.201")),
            "rules_loaded": 41_233,
            "rules_failed": 0,
        }
        stage.ids.write(
            moment,
            {
                "timestamp": eve_stamp(moment),
                "event_type": "stats",
                "stats": {
                    "uptime": uptime,
                    "capture": {"kernel_packets": packets, "kernel_drops": packets // 90_000, "errors": 0},
                    "decoder": {
                        "pkts": packets,
                        "bytes": packets * 711,
                        "invalid": 4,
                        "ipv4": packets * 7 // 10,
                        "ipv6": packets * 3 // 10,
                        "ethernet": packets,
                        "tcp": packets * 8 // 10,
                        "udp": packets * 2 // 10,
                        "avg_pkt_size": 711,
                    },
                    "flow": {"total": packets // 41, "tcp": packets // 55, "udp": packets // 160, "memuse": 7_474_304},
                    "detect": {"engines": [reload], "alert": packets // 900_000},
                },
            },
        )
