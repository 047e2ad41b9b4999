"""A believable morning at the ministry, in the devices' own formats: for the demo, for tests, for training.

``write`` tells it: Monday 5 October 2026 from 07:00 to 11:30 (+07:00), some fifty thousand lines of firewalls, IDS,
mail server, web servers and Linux hosts, nearly all of them ordinary. Between them runs one attack in eight chapters,
from a phishing mail to a mailbox that sends for somebody else. The same seed writes the same bytes everywhere.
"""

from __future__ import annotations

from pathlib import Path

from soc.story import (
    admins,
    attack_accounts,
    attack_office,
    border,
    broken,
    machines,
    mailboxes,
    office,
    postroom,
    sensor,
    visitors,
)
from soc.story.journal import Chapter, Journal, Story
from soc.story.stage import Stage

__all__ = ["INVENTORY", "MODELS", "Chapter", "Story", "write"]

# the ministry of the story: units, systems, networks, registered scanners
INVENTORY = Path(__file__).with_name("inventory.yml")
# a data folder with anomaly models that five ordinary mornings taught: python -m tests.story.ordinary
MODELS = Path(__file__).with_name("models")

_SCENES = (
    office,
    machines,
    border,
    sensor,
    visitors,
    admins,
    postroom,
    mailboxes,
    attack_office,
    attack_accounts,
    broken,
)
_ATTACK = (attack_office, attack_accounts)


def write(folder: Path, seed: int = 7, *, attack: bool = True) -> Story:
    """Writes the story's files into the folder (made when missing) and gives the truth about their lines.

    attack: whether the attack is in it; without it, it is an ordinary morning to learn from. OSError when the folder
    cannot be written. Tests hold rules to the truth: each chapter raises an alert, and no alert rests on lines outside
    the chapters.
    """
    journal = Journal()
    stage = Stage(journal, seed)
    for scene in _SCENES:
        if attack or scene not in _ATTACK:
            scene.play(stage)
    return journal.write(folder)
