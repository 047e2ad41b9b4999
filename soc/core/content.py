"""Where the shipped content is: rules, correlations, mappings, the bundled ministry."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def content_root() -> Path:
    """The detections/ folder: beside the package in a checkout, inside it when installed from a wheel."""
    installed = _PACKAGE / "content" / "detections"
    return installed if installed.is_dir() else _PACKAGE.parent / "detections"
