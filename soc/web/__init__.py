"""The console: server-rendered pages, no script, nothing from outside the machine."""

from soc.web.access import Access
from soc.web.app import Reload, create_app
from soc.web.playbooks import Playbooks

__all__ = ["Access", "Playbooks", "Reload", "create_app"]
