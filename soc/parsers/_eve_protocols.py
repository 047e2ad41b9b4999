"""Protocols that tell who signed in and what was reached: Kerberos, SMB, FTP, RDP, DHCP, QUIC as Suricata logs them.

Source: Suricata user guide, "EVE JSON Format", versions 5 to 8; each is an event type of its own. What ECS
has no field for is in ``suricata.eve.*``, named as Suricata names it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from soc.core.event import Event
from soc.parsers._eve import Record, Table, address, flag, nested, special, text


class Protocol(NamedTuple):
    """The table of a protocol's records; what follows from a filled event, and the fields that this may add."""

    table: Table
    finish: Callable[[Event, Record], None] | None = None
    finishes: frozenset[str] = frozenset()


_OUTCOME: Final = frozenset({"event.outcome"})
# KDC_ERR_PREAUTH_REQUIRED is how every sign-in begins, STATUS_MORE_PROCESSING_REQUIRED is half of one.
_UNDECIDED: Final = frozenset({"KDC_ERR_PREAUTH_REQUIRED", "STATUS_MORE_PROCESSING_REQUIRED", "STATUS_PENDING"})
_USER_COMMAND: Final = "USER"
_SMB_SIGN_IN: Final = "SMB2_COMMAND_SESSION_SETUP"


def _known(name: str) -> Callable[[Event, Any], None]:
    """Suricata writes "<empty>", "<none>" or "<share_root>" where there is nothing to name."""

    def put(event: Event, value: Any) -> None:
        if type(value) is str and value and value[0] != "<":
            event[name] = value

    return put


def _put_path(event: Event, value: Any) -> None:
    if type(value) is str and value and value[0] != "<":
        event["file.path"] = value
        event["file.name"] = value.replace("/", "\\").rpartition("\\")[2] or value


def _put_mac(event: Event, value: Any) -> None:
    if type(value) is str and len(value) == 17:
        event["client.mac"] = value.upper().replace(":", "-")


def _finish_krb5(event: Event, record: Record) -> None:
    kind, error = event.get("suricata.eve.krb5.msg_type"), event.get("error.code")
    if "KRB_AS_REQ" in {kind, event.get("suricata.eve.krb5.failed_request")} or kind == "KRB_AS_REP":
        event["event.category"] = ("authentication", "network")
        event["event.type"] = ("start", "protocol")
    if kind == "KRB_ERROR":
        if error not in _UNDECIDED:
            event["event.outcome"] = "failure"
    elif kind in {"KRB_AS_REP", "KRB_TGS_REP"}:
        event["event.outcome"] = "success"


def _finish_smb(event: Event, record: Record) -> None:
    if "file.name" in event:
        event["event.category"] = ("file", "network")
    elif event.get("event.action") == _SMB_SIGN_IN and "user.name" in event:
        event["event.category"] = ("authentication", "network")
        event["event.type"] = ("start", "protocol")
    status = event.get("suricata.eve.smb.status")
    if status is not None and status not in _UNDECIDED:
        event["event.outcome"] = "success" if status == "STATUS_SUCCESS" else "failure"


def _finish_ftp(event: Event, record: Record) -> None:
    if event.get("event.action") == _USER_COMMAND and "suricata.eve.ftp.command_data" in event:
        event["user.name"] = event["suricata.eve.ftp.command_data"]


PROTOCOLS: Final = {
    "krb5": Protocol(
        {
            "krb5": nested(
                {
                    "cname": special(_known("user.name"), "user.name"),
                    "realm": special(_known("user.domain"), "user.domain"),
                    "sname": special(_known("suricata.eve.krb5.sname"), "suricata.eve.krb5.sname"),
                    "encryption": special(_known("suricata.eve.krb5.encryption"), "suricata.eve.krb5.encryption"),
                    "weak_encryption": flag("suricata.eve.krb5.weak_encryption"),
                    "msg_type": text("suricata.eve.krb5.msg_type"),
                    "failed_request": text("suricata.eve.krb5.failed_request"),
                    "error_code": text("error.code"),
                }
            )
        },
        _finish_krb5,
        _OUTCOME,
    ),
    "smb": Protocol(
        {
            "smb": nested(
                {
                    "command": text("event.action"),
                    "dialect": text("suricata.eve.smb.dialect"),
                    "status": text("suricata.eve.smb.status"),
                    "share": text("suricata.eve.smb.share"),
                    "named_pipe": text("suricata.eve.smb.named_pipe"),
                    "filename": special(_put_path, "file.name", "file.path"),
                    "ntlmssp": nested(
                        {
                            "user": special(_known("user.name"), "user.name"),
                            "domain": special(_known("user.domain"), "user.domain"),
                        }
                    ),
                }
            )
        },
        _finish_smb,
        _OUTCOME,
    ),
    "ftp": Protocol(
        {"ftp": nested({"command": text("event.action"), "command_data": text("suricata.eve.ftp.command_data")})},
        _finish_ftp,
        frozenset({"user.name"}),
    ),
    "rdp": Protocol(
        {"rdp": nested({"event_type": text("event.action"), "cookie": text("suricata.eve.rdp.cookie")})},
    ),
    "dhcp": Protocol(
        {
            "dhcp": nested(
                {
                    "dhcp_type": text("event.action"),
                    "client_mac": special(_put_mac, "client.mac"),
                    "assigned_ip": address("suricata.eve.dhcp.assigned_ip"),
                    "hostname": text("client.domain"),
                }
            )
        },
    ),
    "quic": Protocol(
        {
            "quic": nested(
                {
                    "sni": text("tls.client.server_name"),
                    "ua": text("user_agent.original"),
                    "ja3": nested({"hash": text("tls.client.ja3")}),
                    "ja4": text("suricata.eve.tls.ja4"),
                }
            )
        },
    ),
}
# Event types of Suricata that are named as their protocol is, and have no table here.
OTHERS: Final = frozenset(
    {"bittorrent_dht", "dnp3", "enip", "ike", "ldap", "mdns", "modbus", "mqtt", "nfs", "pgsql", "pop3", "rfb"}
    | {"sip", "snmp", "telnet", "tftp", "websocket"}
)
