"""The page of the national centre's mock: what arrived, from whom and when. Without script; all text is escaped."""

from __future__ import annotations

from typing import Any

from starlette.responses import HTMLResponse, Response

from soc.core.i18n import translator
from soc.web.guard import HEADERS
from soc.web.pages import render

SECURITY = HEADERS
"""The console's headers: no script from anywhere."""


def arrivals_page(
    language: str,
    senders: list[tuple[str, int, int, int, int]],
    arrivals: list[dict[str, Any]],
    faults: list[tuple[str, float, int]],
) -> Response:
    """senders and arrivals as CentreStore has them; times in µs."""
    t = translator(language)
    outcomes = {"accepted": t("accepted"), "duplicate": t("there already"), "refused": t("not taken")}
    values = {"senders": senders, "arrivals": arrivals, "faults": faults, "outcomes": outcomes}
    html = render("centre.html", t=t, language=language, **values)
    return HTMLResponse(html, headers=SECURITY)
