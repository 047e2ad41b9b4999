"""Adds what the ministry knows to an event: units, sites, systems, direction."""
