"""The console: server-rendered pages, no script, nothing from outside the machine."""

from soc.web.access import Access
from soc.web.app import Reload, create_app

__all__ = ["Access", "Reload", "create_app"]
