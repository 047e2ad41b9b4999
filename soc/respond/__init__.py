"""Triage: fold, score by rule and system level, suppress."""
