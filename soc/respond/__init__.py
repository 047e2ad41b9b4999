"""Triage: fold, score by rule and system level, suppress."""

from soc.respond.severity import Severity, severity
from soc.respond.triage import Suppressed, Triage

__all__ = ["Severity", "Suppressed", "Triage", "severity"]
