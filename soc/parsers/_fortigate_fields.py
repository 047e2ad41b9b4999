"""Which keys of a FortiGate line become which event fields, for each kind of message.

Keys and meanings: Fortinet, "FortiOS Log Message Reference" 6.4 to 7.6. What ECS has no field for is kept under
``fortinet.firewall.<key>``; keys that are in no table here stay in event.original alone.

``rule.*`` is what decided: the firewall policy, except in the messages of an engine with signatures (IPS,
anomaly, virus), where it is the signature and the policy is ``fortinet.firewall.policyid``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from soc.core.event import Value
from soc.parsers._address import ip

Convert = Callable[[str], Value]
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_TLS = re.compile(r"tls(\d\.\d)", re.IGNORECASE | re.ASCII)
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}", re.IGNORECASE)
_NOBODY: Final = frozenset({"N/A", "(null)", "none", "undefined"})


def whole(text: str) -> int | None:
    return int(text) if len(text) <= 18 and text.isascii() and text.isdigit() else None


def seconds(text: str) -> int | None:
    """Seconds as ECS has durations: ns."""
    return int(text) * 1_000_000_000 if len(text) <= 9 and text.isascii() and text.isdigit() else None


@lru_cache(maxsize=1024)
def protocol(text: str) -> str | None:
    """The service's name; a policy without one for the port has "tcp/8443", which is no protocol."""
    return text.lower() if "/" not in text else None


def named(text: str) -> str | None:
    return None if text in _NOBODY else text


@lru_cache(maxsize=1024)
def country(text: str) -> str | None:
    """FortiGuard's country name; private addresses are "Reserved"."""
    return None if text == "Reserved" or text in _NOBODY else text


@lru_cache(maxsize=8192)
def mac(text: str) -> str | None:
    """As RFC 7042 has it: "a2:e9:00:ec:40:01" -> "A2-E9-00-EC-40-01"."""
    return text.upper().replace(":", "-") if _MAC.fullmatch(text) else None


@lru_cache(maxsize=256)
def protocol_number(text: str) -> str | None:
    return text if len(text) <= 3 and text.isascii() and text.isdigit() else None


def sha256(text: str) -> str | None:
    return text.lower() if _SHA256.fullmatch(text) else None


def addresses(text: str) -> tuple[str, ...] | None:
    """ "192.0.2.1, 2001:db8::1" -> both; None if there is no address among them."""
    return tuple(found for part in text.split(",")[:64] if (found := ip(part.strip()))) or None


def mailboxes(text: str) -> tuple[str, ...] | None:
    return tuple(part.strip() for part in text.split(",")[:256] if part.strip()) or None


def single(text: str) -> tuple[str, ...]:
    return (text,)


def tls_version(text: str) -> str | None:
    found = _TLS.fullmatch(text)
    return found[1] if found else None


class Target(NamedTuple):
    """The field that a key fills, and how its text becomes a value: None as a value leaves the field out."""

    field: str
    convert: Convert | None = None


def _own(keys: str, convert: Convert | None = None) -> dict[str, Target]:
    return {key: Target(f"fortinet.firewall.{key.replace('-', '_')}", convert) for key in keys.split()}


Table = Mapping[str, Target]

_HEAD: Final[Table] = {
    "devname": Target("observer.name"),
    "devid": Target("observer.serial_number"),
    "level": Target("log.level"),
    "logid": Target("event.code"),
    "action": Target("event.action"),
    **_own("vd type subtype"),
}
# VoIP messages spell keys that all others have in another way.
_VOIP: Final[Table] = {
    "src_port": Target("source.port", whole),
    "dst_port": Target("destination.port", whole),
    "src_int": Target("observer.ingress.interface.name"),
    "dst_int": Target("observer.egress.interface.name"),
    "policy_id": Target("rule.id"),
    "session_id": Target("fortinet.firewall.sessionid"),
    "voip_proto": Target("network.protocol", str.lower),
}
_ENDS: Final[Table] = {
    "srcip": Target("source.ip", ip),
    "srcport": Target("source.port", whole),
    "dstip": Target("destination.ip", ip),
    "dstport": Target("destination.port", whole),
}
_POLICY: Final[Table] = {
    "policyid": Target("rule.id"),
    "policyname": Target("rule.name"),
    "poluuid": Target("rule.uuid"),
}
_SIGNATURE: Final[Table] = {"ref": Target("rule.reference"), **_own("policyid policyname poluuid")}
_FLOW: Final[Table] = {
    **_HEAD,
    **_ENDS,
    "srccountry": Target("source.geo.country_name", country),
    "dstcountry": Target("destination.geo.country_name", country),
    "srcmac": Target("source.mac", mac),
    "srcintf": Target("observer.ingress.interface.name"),
    "dstintf": Target("observer.egress.interface.name"),
    "proto": Target("network.iana_number", protocol_number),
    "service": Target("network.protocol", protocol),
    "user": Target("user.name", named),
    "group": Target("user.group.name", named),
    **_own("authserver unauthuser", named),
    **_own("srcintfrole dstintfrole sessionid policytype"),
    **_own("crscore", whole),
    **_own("crlevel"),
}
_BYTES: Final[Table] = {
    "sentbyte": Target("source.bytes", whole),
    "rcvdbyte": Target("destination.bytes", whole),
}
_APP: Final[Table] = {"app": Target("network.application", str.lower), **_own("appid appcat apprisk applist")}
_WEB: Final[Table] = {
    "hostname": Target("url.domain", str.lower),
    "url": Target("url.original"),
    "agent": Target("user_agent.original"),
    "httpmethod": Target("http.request.method"),
    "referralurl": Target("http.request.referrer"),
}
_UTM: Final[Table] = {**_FLOW, "msg": Target("message"), **_own("eventtype profile direction")}
_CERTIFICATE: Final[Table] = {
    "scertcname": Target("tls.server.x509.subject.common_name", single),
    "scertissuer": Target("tls.server.x509.issuer.common_name", single),
}
_FILE: Final[Table] = {
    "filename": Target("file.name"),
    "filesize": Target("file.size", whole),
    **_own("filetype"),
}
_MAIL: Final[Table] = {
    "from": Target("email.from.address", mailboxes),
    "to": Target("email.to.address", mailboxes),
    "sender": Target("email.sender.address"),
    "subject": Target("email.subject"),
    **_own("recipient"),
}
_CATEGORY: Final[Table] = {"catdesc": Target("rule.category"), **_own("cat")}
_INTRUSION: Final[Table] = {
    "attack": Target("rule.name"),
    "attackid": Target("rule.id"),
    **_SIGNATURE,
    **_own("severity"),
}
_EVENT: Final[Table] = {
    **_HEAD,
    "action": Target("event.action", named),
    "msg": Target("message"),
    "user": Target("user.name", named),
    "reason": Target("event.reason", named),
    **_own("logdesc status"),
}
_TUNNEL: Final[Table] = {
    "remip": Target("source.ip", ip),
    "remport": Target("source.port", whole),
    "locip": Target("destination.ip", ip),
    "locport": Target("destination.port", whole),
    "outintf": Target("observer.egress.interface.name"),
    "group": Target("user.group.name", named),
    "duration": Target("event.duration", seconds),
    **_BYTES,
    **_own("tunnelip", ip),
    **_own("vpntunnel tunnelid dst_host xauthuser xauthgroup", named),
    **_own("tunneltype init mode stage role result"),
}

TABLES: Final[Mapping[str, Table]] = {
    "fortinet.traffic": {
        **_FLOW,
        **_POLICY,
        **_BYTES,
        **_APP,
        **_WEB,
        "respstatuscode": Target("http.response.status_code", whole),
        "transip": Target("source.nat.ip", ip),
        "transport": Target("source.nat.port", whole),
        "tranip": Target("destination.nat.ip", ip),
        "tranport": Target("destination.nat.port", whole),
        "srcname": Target("source.domain", named),
        "dstname": Target("destination.domain", named),
        "dstmac": Target("destination.mac", mac),
        "duration": Target("event.duration", seconds),
        "sentpkt": Target("source.packets", whole),
        "rcvdpkt": Target("destination.packets", whole),
        **_own("trandisp utmaction osname devtype dstinetsvc vpn vpntype"),
    },
    "fortinet.webfilter": {
        **_UTM,
        **_POLICY,
        **_BYTES,
        **_WEB,
        **_CATEGORY,
        **_own("reqtype method urlfilterlist keyword"),
    },
    "fortinet.app-ctrl": {**_UTM, **_POLICY, **_APP, **_WEB, **_CERTIFICATE, **_own("incidentserialno")},
    "fortinet.ips": {**_UTM, **_INTRUSION, **_WEB, **_own("incidentserialno")},
    "fortinet.anomaly": {
        **_UTM,
        **_INTRUSION,
        **_own("icmptype icmpcode"),
        **_own("count", whole),
    },
    "fortinet.virus": {
        **_UTM,
        **_SIGNATURE,
        **_WEB,
        **_FILE,
        **_MAIL,
        "virus": Target("rule.name"),
        "virusid": Target("rule.id"),
        "dtype": Target("rule.category"),
        "viruscat": Target("rule.category"),
        "analyticscksum": Target("file.hash.sha256", sha256),
        **_own("filehash quarskip"),
    },
    "fortinet.dns": {
        **_UTM,
        **_POLICY,
        **_CATEGORY,
        "qname": Target("dns.question.name", str.lower),
        "qtype": Target("dns.question.type"),
        "qclass": Target("dns.question.class"),
        "xid": Target("dns.id"),
        "ipaddr": Target("dns.resolved_ip", addresses),
        **_own("botnetip", ip),
        **_own("botnetdomain domainfilterlist"),
    },
    "fortinet.ssl": {
        **_UTM,
        **_POLICY,
        **_CATEGORY,
        **_CERTIFICATE,
        "hostname": _WEB["hostname"],
        "tlsver": Target("tls.version", tls_version),
        "sni": Target("tls.client.server_name"),
        "cipher": Target("tls.cipher"),
        **_own("eventsubtype certhash"),
    },
    "fortinet.emailfilter": {**_UTM, **_POLICY, **_MAIL, **_own("attachment"), **_own("size", whole)},
    "fortinet.waf": {**_UTM, **_POLICY, **_WEB, **_own("severity eventid constraint rawdata")},
    "fortinet.utm": {**_UTM, **_POLICY, **_WEB, **_FILE, **_VOIP, **_own("severity rulename command login")},
    "fortinet.vpn": {**_EVENT, **_TUNNEL},
    "fortinet.user": {
        **_EVENT,
        **_ENDS,
        "group": _FLOW["group"],
        "policyid": _POLICY["policyid"],
        "interface": Target("observer.ingress.interface.name"),
        **_own("authproto ui"),
    },
    "fortinet.system": {
        **_EVENT,
        **_ENDS,
        "proto": _FLOW["proto"],
        "interface": Target("observer.ingress.interface.name"),
        "mac": Target("source.mac", mac),
        "hostname": Target("source.domain"),
        **_own("ip", ip),
        **_own("ui method profile sn cfgtid cfgpath cfgobj cfgattr dhcp_msg"),
        **_own("cpu mem disk totalsession lease", whole),
    },
    "fortinet.event": {
        **_EVENT,
        **_ENDS,
        "group": _FLOW["group"],
        "stamac": Target("source.mac", mac),
        "interface": Target("observer.ingress.interface.name"),
        **_own("ap ssid channel security ui"),
    },
}
