"""Triage: fold, score by rule and system level, suppress."""

from soc.respond.triage import Suppressed, Triage

__all__ = ["Suppressed", "Triage"]
