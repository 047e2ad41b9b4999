"""Adds what the ministry knows to an event: units, sites, systems, direction."""

from soc.enrich.enricher import ENRICHED, Enricher
from soc.enrich.inventory import Inventory, Place, Scanner, read_inventory

__all__ = ["ENRICHED", "Enricher", "Inventory", "Place", "Scanner", "read_inventory"]
