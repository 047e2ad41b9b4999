"""The topics of the distributed engine on a real Kafka: made, changed, left alone, and what cannot be."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from click.testing import CliRunner, Result

from soc.cli import main
from soc.core.servers import kafka_options
from soc.core.settings import KafkaSettings

pytestmark = pytest.mark.xdist_group("servers")


@pytest.fixture
def apply(address: str, prefix: str, tmp_path: Path):
    """apply(kafka="partitions: 3", "--yes"): soc topics apply with such settings."""

    def run(*arguments: str, kafka: str = "partitions: 2", server: str = address) -> Result:
        (tmp_path / "soc.yml").write_text(f"kafka: {{servers: ['{server}'], prefix: {prefix}, {kafka}}}\n")
        return CliRunner().invoke(main, ["topics", "apply", "--settings", str(tmp_path / "soc.yml"), *arguments])

    return run


def steps(result: Result) -> dict[str, dict]:
    document = json.loads(result.stdout)
    return {row["topic"].partition(".")[2]: row for row in document["topics"]}


def test_from_nothing_to_nothing_to_do(apply) -> None:
    first = apply("--json")
    assert first.exit_code == 1 and {row["step"] for row in steps(first).values()} == {"create"}
    assert apply().exit_code == 1, "looking must not make anything"
    done = apply("--yes")
    assert done.exit_code == 0 and "8 topics made or changed" in done.output
    again = apply("--yes")
    assert again.exit_code == 0 and "there is nothing to do" in again.output, again.output
    made = steps(apply("--json"))
    assert {row["step"] for row in made.values()} == {"unchanged"}
    assert {name: row["partitions"] for name, row in made.items()} == {
        **dict.fromkeys(("raw", "signals", "events", "alerts", "state.raw", "state.signals"), 2),
        **dict.fromkeys(("rejected", "counts"), 1),
    }
    assert made["state.raw"]["configs"]["cleanup.policy"] == "compact"


def test_what_differs_is_changed_and_what_others_set_stays(apply, address: str, prefix: str) -> None:
    apply("--yes")
    raw = ConfigResource(ConfigResourceType.TOPIC, f"{prefix}.raw", {"retention.bytes": "999", "flush.ms": "12345"})

    async def tamper() -> None:
        admin = AIOKafkaAdminClient(**kafka_options(KafkaSettings((address,), prefix)))
        await admin.start()
        await admin.alter_configs([raw])  # takes away everything else that was set
        await admin.close()

    async def look() -> dict[str, str]:
        admin = AIOKafkaAdminClient(**kafka_options(KafkaSettings((address,), prefix)))
        await admin.start()
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, f"{prefix}.raw")])
        await admin.close()
        return {row[0]: row[1] for row in answer.resources[0][4]}

    asyncio.run(tamper())
    planned = steps(apply("--json", kafka="partitions: 2, retention: 3d"))
    assert planned["raw"]["changes"]["retention.ms"] == {"old": "604800000", "new": "259200000"}
    assert planned["raw"]["changes"]["message.timestamp.type"] == {"old": "CreateTime", "new": "LogAppendTime"}
    assert planned["alerts"]["step"] == "unchanged"
    assert apply("--yes", kafka="partitions: 2, retention: 3d").exit_code == 0
    found = asyncio.run(look())
    assert (found["retention.ms"], found["retention.bytes"], found["flush.ms"]) == ("259200000", "999", "12345")


def test_more_partitions_come_with_a_warning_and_fewer_never(apply) -> None:
    apply("--yes")
    more = steps(apply("--json", kafka="partitions: 3"))
    assert more["raw"]["changes"]["partitions"] == {"old": "2", "new": "3"}
    assert "keys move to other partitions" in more["raw"]["why"]
    assert apply("--yes", kafka="partitions: 3").exit_code == 0
    fewer = apply("--yes", "--json", kafka="partitions: 1")
    assert fewer.exit_code == 1 and steps(fewer)["raw"]["step"] == "cannot"
    assert "partitions 3 -> 1" in steps(fewer)["raw"]["why"]
    assert steps(apply("--json", kafka="partitions: 3"))["raw"]["step"] == "unchanged"


def test_more_copies_than_brokers_are_refused_before_anything_is_made(apply) -> None:
    refused = apply("--yes", kafka="replication: 3")
    assert refused.exit_code == 1 and "there are 1 brokers" in " ".join(refused.output.split())
    assert steps(apply("--json"))["raw"]["step"] == "create"


def test_without_kafka_it_is_one_line(apply) -> None:
    away = apply(server="127.0.0.1:1")
    assert away.exit_code == 2 and "127.0.0.1:1" in away.stderr and "Traceback" not in away.stderr
