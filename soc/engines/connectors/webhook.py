"""Posts JSON to an address of soc.yml, with the key as Idempotency-Key. Nothing of an alert is in the address."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from soc.core.responding import HookSettings
from soc.core.settings import secret
from soc.engines.connectors.connector import Doubtful, NotDone
from soc.engines.connectors.request import request


class Webhook:
    """All hooks of soc.yml, by name."""

    def __init__(self, hooks: Mapping[str, HookSettings]) -> None:
        self._hooks = hooks

    def act(self, parameters: Mapping[str, str], key: str) -> str:
        name = parameters["hook"]
        hook = self._hooks.get(name)
        if hook is None:
            raise NotDone(f"soc.yml has no playbooks.hooks.{name}")
        body = orjson.dumps({"key": key, **{name: text for name, text in parameters.items() if name != "hook"}})
        status, _ = request("POST", hook.url, _headers(hook, key), body, private=hook.private, ca=hook.ca)
        if 200 <= status < 300:
            return f"{name} answered {status}"
        if status >= 500 or status == 408:
            raise Doubtful(f"{name} answered {status}")
        raise NotDone(f"{name} answered {status}{', and redirects are not followed' if status // 100 == 3 else ''}")

    def done(self, key: str) -> bool | None:
        """True if a hook that can be asked has it; False if all hooks can be asked and none has it."""
        answers = [self._asked(hook, key) for hook in self._hooks.values()]
        if True in answers:
            return True
        return False if answers and None not in answers else None

    @staticmethod
    def _asked(hook: HookSettings, key: str) -> bool | None:
        if not hook.asks:
            return None
        try:
            status, _ = request("GET", hook.url, _headers(hook, key), private=hook.private, ca=hook.ca)
        except (NotDone, Doubtful):
            return None
        return {200: True, 404: False}.get(status)


def _headers(hook: HookSettings, key: str) -> dict[str, str]:
    token = {"Authorization": f"Bearer {secret(hook.token_file)}"} if hook.token_file else {}
    return {"Content-Type": "application/json", "Idempotency-Key": key, **token}
