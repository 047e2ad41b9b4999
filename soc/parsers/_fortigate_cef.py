"""FortiGate's CEF output, turned back into FortiOS's own keys so that one set of tables serves both formats.

Fortinet, "FortiOS Log Message Reference", "FortiOS to CEF log field mapping guidelines": what CEF has a key
for is renamed, all else has the prefix FTNTFGT.
"""

from __future__ import annotations

from typing import Final

from soc.parsers._cef import extension

_PREFIX: Final = "FTNTFGT"
_RENAMED: Final = {
    "deviceExternalId": "devid",
    "dvchost": "devname",
    "src": "srcip",
    "spt": "srcport",
    "smac": "srcmac",
    "shost": "srcname",
    "suser": "user",
    "duser": "user",
    "sourceTranslatedAddress": "transip",
    "sourceTranslatedPort": "transport",
    "dst": "dstip",
    "dpt": "dstport",
    "dmac": "dstmac",
    "dhost": "hostname",
    "destinationTranslatedAddress": "tranip",
    "destinationTranslatedPort": "tranport",
    "deviceInboundInterface": "srcintf",
    "deviceOutboundInterface": "dstintf",
    "externalId": "sessionid",
    "proto": "proto",
    "app": "service",
    "act": "action",
    "outcome": "status",
    "reason": "reason",
    "sproc": "ui",
    "sourceServiceName": "role",
    "out": "sentbyte",
    "in": "rcvdbyte",
    "cnt": "count",
    "request": "url",
    "requestMethod": "httpmethod",
    "requestClientApplication": "agent",
    "requestContext": "catdesc",
    "fname": "filename",
    "fsize": "filesize",
    "msg": "msg",
}


def cef_fields(text: str) -> dict[str, str]:
    """A FortiGate's CEF line as FortiOS keys: ``src`` is srcip again, ``cat=utm:ips`` type and subtype."""
    fields: dict[str, str] = {}
    for key, value in extension(text).items():
        if key.startswith(_PREFIX):
            fields[key.removeprefix(_PREFIX)] = value
        elif key in _RENAMED:
            fields[_RENAMED[key]] = value
        elif key == "cat":
            fields["type"], _, subtype = value.partition(":")
            fields.setdefault("subtype", subtype.partition(" ")[0])
    return fields
