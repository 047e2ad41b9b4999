"""What clients of Kafka are given for each way to reach it."""

import ssl
from pathlib import Path

import pytest

from soc.core.errors import SettingsError
from soc.core.servers import kafka_options
from soc.core.settings import KafkaSettings, read_settings

SERVERS = ("k1:9092", "k2:9092")


def test_plain() -> None:
    assert kafka_options(KafkaSettings(SERVERS)) == {
        "bootstrap_servers": ["k1:9092", "k2:9092"],
        "security_protocol": "PLAINTEXT",
    }


def test_a_user_s_password_comes_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    (tmp_path / "soc.yml").write_text("kafka: {servers: ['k1:9092'], user: me, password_file: password}\n")
    assert kafka_options(read_settings(tmp_path / "soc.yml").kafka) == {
        "bootstrap_servers": ["k1:9092"],
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "me",
        "sasl_plain_password": "s3cret",
    }


def test_an_authority_means_tls_that_checks_names() -> None:
    bundle = ssl.get_default_verify_paths().cafile
    if not bundle or not Path(bundle).is_file():
        pytest.skip("this machine has no bundle of authorities")
    options = kafka_options(KafkaSettings(SERVERS, ca=bundle))
    assert options["security_protocol"] == "SSL"
    context = options["ssl_context"]
    assert context.check_hostname and context.verify_mode == ssl.CERT_REQUIRED


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^kafka\.servers: none given$"):
        kafka_options(KafkaSettings())
    (tmp_path / "empty").touch()
    with pytest.raises(SettingsError, match="empty: is empty"):
        kafka_options(KafkaSettings(SERVERS, user="me", password_file=str(tmp_path / "empty")))
    with pytest.raises(SettingsError, match=r"^kafka\.ca: .*empty: holds no certificate"):
        kafka_options(KafkaSettings(SERVERS, ca=str(tmp_path / "empty")))
