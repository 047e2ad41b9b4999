"""What each kind of Postfix event fills, and the Sigma log sources it is offered to."""

from __future__ import annotations

from typing import Final

from soc.core.logsource import Dataset, LogSource
from soc.parsers._mail_join import MESSAGE_FILLS

_SOURCES: Final = (LogSource("mail", "postfix"), LogSource(None, "linux", "postfix"))
_BASE: Final = frozenset(
    {
        *("event.category", "event.type", "event.action", "host.name", "log.level", "message"),
        *("process.name", "process.pid"),
    }
)
_RESULT: Final = frozenset({"event.outcome", "event.reason", "email.local_id"})
_CLIENT: Final = frozenset({"source.domain", "source.ip", "source.port"})
_SERVER: Final = frozenset({"destination.domain", "destination.ip", "destination.port"})
_ENVELOPE: Final = frozenset({"email.from.address", "email.to.address", "postfix.helo", "postfix.protocol"})
_REPLY: Final = frozenset({"postfix.phase", "postfix.reply_code", "postfix.dsn"})
_TLS: Final = frozenset({"postfix.tls_trust", "tls.cipher", "tls.established", "tls.version", "tls.version_protocol"})
_DELIVERY: Final = frozenset(
    {
        *("email.to.address", "postfix.dsn", "postfix.next_id", "postfix.original_recipient", "postfix.relay"),
        *("postfix.delay.total", "postfix.delay.before_queue", "postfix.delay.queue", "postfix.delay.connect"),
        *("postfix.delay.transmit", "postfix.status"),
    }
)


def _dataset(*fills: frozenset[str]) -> Dataset:
    return Dataset(_SOURCES, frozenset().union(*fills))


DATASETS: Final = {
    "postfix.smtpd": _dataset(
        *(_BASE, _RESULT, _CLIENT, _ENVELOPE, _REPLY, _TLS),
        frozenset({"network.protocol", "user.name", "postfix.commands", "postfix.original_id"}),
        frozenset({"postfix.sasl_method", "postfix.service"}),
    ),
    "postfix.cleanup": _dataset(
        *(_BASE, _RESULT, _CLIENT, _ENVELOPE, _REPLY),
        frozenset({"email.message_id", "email.subject", "email.attachments.file.name", "user.name"}),
        frozenset({"postfix.header.name", "postfix.header.value", "postfix.uid"}),
    ),
    "postfix.qmgr": _dataset(
        *(_BASE, _RESULT),
        frozenset({"email.from.address", "postfix.recipients", "postfix.size", "postfix.status"}),
    ),
    "postfix.smtp": _dataset(
        *(_BASE, _RESULT, _SERVER, _TLS, _DELIVERY),
        frozenset({"postfix.reply_code", "postfix.service", "postfix.tls_level"}),
    ),
    "postfix.local": _dataset(_BASE, _RESULT, _DELIVERY),
    "postfix.postscreen": _dataset(
        *(_BASE, _RESULT - {"email.local_id"}, _CLIENT, _ENVELOPE, _REPLY, _TLS),
        frozenset({"destination.ip", "destination.port", "network.protocol"}),
        frozenset({"postfix.dnsbl.answer", "postfix.dnsbl.list", "postfix.dnsbl.rank"}),
    ),
    "postfix.other": _dataset(_BASE, frozenset({"email.local_id", "postfix.count", "postfix.statistic", "source.ip"})),
    "postfix.message": Dataset(_SOURCES, MESSAGE_FILLS),
}
