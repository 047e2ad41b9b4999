"""Where the shipped content is: rules, correlations, mappings, the bundled ministry."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def content_root() -> Path:
    """The detections/ folder: beside the package in a checkout, inside it when installed from a wheel."""
    installed = _PACKAGE / "content" / "detections"
    return installed if installed.is_dir() else _PACKAGE.parent / "detections"


def rule_folders() -> tuple[Path, ...]:
    """The folders of detections/ that hold rules, correlations and filters, not playbooks or anomaly models."""
    root = content_root()
    found = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    return tuple(path for path in found if path.name not in _NO_RULES) or (root,)


_NO_RULES = frozenset({"anomaly", "playbooks"})
