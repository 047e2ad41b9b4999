"""The console: server-rendered pages, no script, nothing from outside the machine."""

from soc.web.access import Access
from soc.web.app import Reload, Runs, create_app

__all__ = ["Access", "Reload", "Runs", "create_app"]
