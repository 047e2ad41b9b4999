"""The ``soc:`` attribute of a rule or correlation: what our alerts say beyond Sigma's own fields."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class RuleExtras(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sigma lets a rule carry custom attributes; all of ours are below ``soc:``.

    fold        fields whose values group repeats into one alert
    next_steps  what the analyst does first, per language
    silent      only correlations use it; it makes no alert of its own
    """

    title_vi: str = ""
    description_vi: str = ""
    false_positives_vi: tuple[str, ...] = ()
    fold: tuple[str, ...] = ()
    next_steps: dict[str, tuple[str, ...]] = {}
    silent: bool = False


def read_extras(document: Mapping[str, object]) -> RuleExtras:
    """The attribute of a rule's document; ValueError names the key that is wrong."""
    try:
        return msgspec.convert(document.get("soc") or {}, RuleExtras)
    except msgspec.ValidationError as error:
        raise ValueError(f"soc: {str(error).replace(' - at `$.', ' at `soc.')}") from error
