"""The connectors that soc.yml sets up, by the names that playbooks use."""

from __future__ import annotations

from soc.core.responding import PlaybookSettings
from soc.engines.connectors.connector import Connector
from soc.engines.connectors.fortigate import FortiGate
from soc.engines.connectors.smtp import Smtp
from soc.engines.connectors.webhook import Webhook


def connectors(settings: PlaybookSettings) -> dict[str, Connector]:
    """{"smtp": ...}: those with settings; an action of another one fails, and says that it is not set up."""
    found: dict[str, Connector] = {}
    if settings.smtp:
        found["smtp"] = Smtp(settings.smtp)
    if settings.hooks:
        found["webhook"] = Webhook(settings.hooks)
    if settings.fortigate:
        found["fortigate"] = FortiGate(settings.fortigate)
    return found
