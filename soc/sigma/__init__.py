"""Sigma rules: load, map fields, compile together, match, explain."""
