"""What playbooks reach the world through: one file each, all with the contract of connector.py."""

from soc.engines.connectors.connector import Connector, Doubtful, NotDone

__all__ = ["Connector", "Doubtful", "NotDone"]
