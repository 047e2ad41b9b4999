"""Suricata's pen: EVE records as Suricata 7 writes them (docs.suricata.io, "Eve JSON Format")."""

from __future__ import annotations

import json
from collections.abc import Mapping

from soc.story.journal import ORDINARY, Journal, Plot
from soc.story.times import SECOND, eve_stamp
from soc.story.wire import TCP, Connection

FILE = "suricata-eve.json"

Json = dict[str, object]

# fires on every program that comes over plain HTTP, Windows Update's own included
EXECUTABLE_DOWNLOAD = (
    2018959,
    "ET POLICY PE EXE or DLL Windows file download HTTP",
    "Potential Corporate Privacy Violation",
    1,
)


class Suricata:
    """The IDS on the mirror port of the DMZ and of the Ministry Office's floor."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def record(
        self, moment: int, wire: Connection, kind: str, body: Mapping[str, object], plot: Plot = ORDINARY
    ) -> None:
        """One record about a connection; body is what follows the addresses."""
        head: Json = {
            "timestamp": eve_stamp(moment),
            "flow_id": wire.flow_id,
            "in_iface": "ens192",
            "event_type": kind,
            "src_ip": wire.source,
            "src_port": wire.source_port,
            "dest_ip": wire.target,
            "dest_port": wire.target_port,
            "proto": "TCP" if wire.protocol == TCP else "UDP",
        }
        if kind != "flow":
            head["pkt_src"] = "wire/pcap"
        self.write(moment, {**head, **body}, plot)

    def write(self, moment: int, record: Json, plot: Plot = ORDINARY) -> None:
        """One record as one line."""
        self._journal.add(FILE, moment, json.dumps(record, separators=(",", ":"), ensure_ascii=False), plot)

    def flow(
        self, wire: Connection, app: str, state: str = "closed", alerted: bool = False, plot: Plot = ORDINARY
    ) -> None:
        """The connection as a whole, some seconds after its end."""
        moment = wire.end + (12 if wire.protocol == TCP else 31) * SECOND
        body: Json = {"app_proto": app} if app else {}
        body["flow"] = {
            "pkts_toserver": wire.sent_packets,
            "pkts_toclient": wire.received_packets,
            "bytes_toserver": wire.sent,
            "bytes_toclient": wire.received,
            "start": eve_stamp(wire.start),
            "end": eve_stamp(wire.end),
            "age": wire.seconds,
            "state": state,
            "reason": "timeout",
            "alerted": alerted,
        }
        if wire.protocol == TCP:
            body["tcp"] = {
                "tcp_flags": "1b",
                "tcp_flags_ts": "1b",
                "tcp_flags_tc": "1b",
                "syn": True,
                "fin": True,
                "psh": True,
                "ack": True,
                "state": "closed",
                "ts_max_regions": 1,
                "tc_max_regions": 1,
            }
        self.record(moment, wire, "flow", body, plot)

    def lookup(
        self, wire: Connection, name: str, kind: str, answers: tuple[str, ...], number: int, plot: Plot = ORDINARY
    ) -> None:
        """A DNS question and its answer; without answers the name does not exist."""
        query = {"type": "query", "id": number, "rrname": name, "rrtype": kind, "tx_id": 0, "opcode": 0}
        self.record(wire.start, wire, "dns", {"dns": query}, plot)
        answer: Json = {
            "version": 2,
            "type": "answer",
            "id": number,
            "flags": "8180" if answers else "8183",
            "qr": True,
            "rd": True,
            "ra": True,
            "opcode": 0,
            "rrname": name,
            "rrtype": kind,
            "rcode": "NOERROR" if answers else "NXDOMAIN",
        }
        if answers:
            answer["answers"] = [{"rrname": name, "rrtype": kind, "ttl": 300, "rdata": rdata} for rdata in answers]
            answer["grouped"] = {kind: list(answers)}
        self.record(wire.end, wire, "dns", {"dns": answer}, plot)

    def tls(self, wire: Connection, tls: Mapping[str, object], plot: Plot = ORDINARY) -> None:
        """A TLS handshake."""
        self.record(wire.start + 60_000, wire, "tls", {"tls": tls}, plot)

    def http(self, wire: Connection, http: Mapping[str, object], number: int = 0, plot: Plot = ORDINARY) -> None:
        """A request and its response."""
        self.record(wire.start + 120_000 + number, wire, "http", {"tx_id": number, "http": http}, plot)

    def file(
        self, wire: Connection, http: Mapping[str, object], sha256: str, magic: str, plot: Plot = ORDINARY
    ) -> None:
        """A file in a response: seen from the server's side, so the addresses are turned round."""
        back = Connection(
            wire.start,
            wire.duration,
            wire.target,
            wire.target_port,
            wire.source,
            wire.source_port,
            wire.received,
            wire.sent,
        )
        fileinfo = {
            "filename": http["url"],
            "magic": magic,
            "gaps": False,
            "state": "CLOSED",
            "sha256": sha256,
            "stored": False,
            "size": http["length"],
            "tx_id": 0,
        }
        body = {"flow_id": wire.flow_id, "http": http, "app_proto": "http", "fileinfo": fileinfo}
        self.record(wire.end, back, "fileinfo", body, plot)

    def alert(
        self,
        moment: int,
        wire: Connection,
        signature: tuple[int, str, str, int],
        app: str,
        context: Mapping[str, object],
        metadata: Mapping[str, list[str]] | None = None,
        plot: Plot = ORDINARY,
    ) -> None:
        """A signature (number, name, category, severity) that matched."""
        number, name, category, severity = signature
        alert: Json = {
            "action": "allowed",
            "gid": 1,
            "signature_id": number,
            "rev": 2,
            "signature": name,
            "category": category,
            "severity": severity,
        }
        if metadata:
            alert["metadata"] = metadata
        flow = {
            "pkts_toserver": min(wire.sent_packets, 6),
            "pkts_toclient": min(wire.received_packets, 5),
            "bytes_toserver": min(wire.sent, 1200),
            "bytes_toclient": min(wire.received, 3100),
            "start": eve_stamp(wire.start),
            "src_ip": wire.source,
            "dest_ip": wire.target,
            "src_port": wire.source_port,
            "dest_port": wire.target_port,
        }
        body = {
            "tx_id": 0,
            "alert": alert,
            **context,
            **({"app_proto": app} if app else {}),
            "direction": "to_server",
            "flow": flow,
        }
        self.record(moment, wire, "alert", body, plot)
