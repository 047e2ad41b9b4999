"""Five ordinary mornings of the story's ministry, and the models that they teach: ``python -m tests.story.ordinary``
writes soc/story/models anew, after a change of the story, of the features or of the models.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from soc.anomaly.content import described
from soc.anomaly.features import Partial
from soc.anomaly.train import Trained, history, train
from soc.anomaly.versions import FOLDER, Versions
from soc.core.event import Event
from soc.engines.analyze import analyze
from soc.engines.source import expand
from soc.pipeline.build import build_pipeline
from soc.pipeline.content import load_content
from soc.story import INVENTORY, MODELS, write

ZONE = 7 * 3600
DAY = 86_400_000_000
BUDGET = 2.0
"""Alerts a day: the demo's analyst has one morning."""


def mornings(number: int = 5) -> list[Partial]:
    """Of the days of the week before the story's Monday, none of which has an attack."""
    content = load_content()
    parts: list[Partial] = []
    for day in range(number):
        events: list[Event] = []
        pipeline = build_pipeline(content, INVENTORY, zone=ZONE, lateness="10m")
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), seed=100 + day, attack=False)
            analyze(
                pipeline,
                expand([Path(folder)]),
                "auto",
                zone=ZONE,
                carry_out=lambda outcome, events=events: events.extend(outcome.events),  # type: ignore[misc]
            )
        back = (7 - day) * DAY
        for event in events:
            for name in ("@timestamp", "event.start"):
                if isinstance(time := event.get(name), int):
                    event[name] = time - back
        parts += history(sorted(events, key=lambda event: str(event["@timestamp"])))
    return sorted(parts, key=lambda part: (part.bucket, part.entity))


def taught() -> Trained:
    """The same from the same version of scikit-learn."""
    return train(described(), mornings(), BUDGET)


def main() -> None:
    shutil.rmtree(MODELS / FOLDER, ignore_errors=True)
    trained = taught()
    versions = Versions(MODELS)
    versions.write(trained, described(), trained.until)
    about = versions.promote()
    print(about.version, about.thresholds, f"{about.rate:.1f} alerts a day")


if __name__ == "__main__":
    main()
