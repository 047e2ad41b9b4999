"""A browser's forms in tests: what is posted bears the token that a page of the console gave."""

import re
import time

import httpx2


def token(client):
    """The token that forms on pages have now: it changes with the sign-in."""
    return re.search(r'name="csrf" value="([0-9a-f]{64})"', client.get("/login").text)[1]


def send(client, path, data=None, **more):
    """Posts a form as a page of the console would."""
    return client.post(path, data={"csrf": token(client)} | (data or {}), **more)


def answers(address: str) -> None:
    """Waits until a console, or the centre, is there."""
    until = time.monotonic() + 30
    while True:
        try:
            assert httpx2.get(f"{address}/healthz").status_code == 200
        except httpx2.TransportError:
            assert time.monotonic() < until
            time.sleep(0.1)
        else:
            return
