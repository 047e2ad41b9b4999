"""What kafka_options makes of soc.yml, against a broker with users and TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.kafka_producer import KafkaFailed, abandon, connect
from soc.core.errors import SettingsError
from soc.core.servers import kafka_options
from soc.core.settings import KafkaSettings
from tests.services.kafka.broker import certificate
from tests.services.kafka.conftest import Cluster, make, to_the_end

pytestmark = pytest.mark.xdist_group("servers")


async def _connect(settings: KafkaSettings) -> None:
    producer = await connect(settings, [], "test")
    await abandon(producer)


def test_a_user_over_tls_makes_topics_and_sends(cluster: Cluster, prefix: str) -> None:
    settings = cluster.secure(prefix)
    assert kafka_options(settings)["security_protocol"] == "SASL_SSL"
    make(settings)

    async def send() -> int:
        producer = await connect(settings, [f"{prefix}.raw"], "test")
        try:
            return int((await producer.send_and_wait(f"{prefix}.raw", b"line")).offset)
        finally:
            await abandon(producer)

    assert to_the_end(send()) == 0


def test_a_wrong_password_does_not_get_in(cluster: Cluster, prefix: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("wrong")
    with pytest.raises(KafkaFailed, match="invalid credentials"):
        to_the_end(_connect(cluster.secure(prefix, password_file=str(tmp_path / "password"))))


def test_a_broker_of_another_authority_is_not_trusted(cluster: Cluster, prefix: str, tmp_path: Path) -> None:
    _, other = certificate(tmp_path)
    with pytest.raises(KafkaFailed, match="certificate verify failed"):
        to_the_end(_connect(cluster.secure(prefix, ca=str(other))))


def test_a_name_that_is_not_in_the_certificate_is_not_trusted(cluster: Cluster, prefix: str) -> None:
    settings = cluster.secure(prefix)
    port = settings.servers[0].rpartition(":")[2]
    wrong = KafkaSettings((f"127.0.0.1:{port}",), prefix, settings.user, settings.password_file, settings.ca)
    with pytest.raises(KafkaFailed, match="IP address mismatch"):
        to_the_end(_connect(wrong))


def test_a_missing_topic_is_named_and_not_made(address: str, prefix: str) -> None:
    for _ in range(2):
        with pytest.raises(KafkaFailed, match=f"no topic {prefix}.raw; 'soc topics apply --yes'"):
            to_the_end(_connect_to(KafkaSettings((address,), prefix), f"{prefix}.raw"))


async def _connect_to(settings: KafkaSettings, topic: str) -> None:
    await connect(settings, [topic], "test")


def test_a_file_without_a_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(SettingsError, match=r"kafka\.ca: .*ca\.pem"):
        kafka_options(KafkaSettings(("localhost:9092",), ca=str(tmp_path / "ca.pem")))
