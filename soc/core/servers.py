"""How to reach the servers that soc.yml names: what their clients are given, without importing any client."""

from __future__ import annotations

import ssl
from typing import Any

from soc.core.errors import SettingsError
from soc.core.settings import KafkaSettings, secret


def kafka_options(settings: KafkaSettings) -> dict[str, Any]:
    """The keyword arguments that every client of aiokafka takes: where the brokers are, who we are, whom we trust.

    TLS where ca is given, SASL/SCRAM-SHA-512 where user is. SettingsError: no servers, or a file that does not serve.
    """
    if not settings.servers:
        raise SettingsError("kafka.servers", "none given")
    options: dict[str, Any] = {"bootstrap_servers": list(settings.servers)}
    if settings.ca:
        options["ssl_context"] = trusting(settings.ca, "kafka.ca")
    if settings.user:
        options["sasl_mechanism"] = "SCRAM-SHA-512"
        options["sasl_plain_username"] = settings.user
        options["sasl_plain_password"] = secret(settings.password_file)
    tls, sasl = bool(settings.ca), bool(settings.user)
    options["security_protocol"] = {
        (False, False): "PLAINTEXT",
        (True, False): "SSL",
        (False, True): "SASL_PLAINTEXT",
        (True, True): "SASL_SSL",
    }[tls, sasl]
    return options


def trusting(ca: str, key: str) -> ssl.SSLContext:
    """TLS that accepts only certificates signed by this authority (PEM), for the host's own name.

    SettingsError names the key when the file holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(key, ca, "holds no certificate ({why})", why=error) from error
