"""Sigma rules: load, map to ECS, compile all together, match, explain. SEMANTICS.md says what every form means."""

from soc.sigma.documents import Document
from soc.sigma.explain import Node, explain, reasons
from soc.sigma.filters import FilterState
from soc.sigma.load import Loaded, Rule, load
from soc.sigma.mapping import IDENTITY, FieldMap, read_mapping, shipped_mapping
from soc.sigma.matcher import Matcher, compile
from soc.sigma.native import NativeRouter
from soc.sigma.scan import scanner_name
from soc.sigma.state import RuleState, state, states

__all__ = [
    "IDENTITY",
    "Document",
    "FieldMap",
    "FilterState",
    "Loaded",
    "Matcher",
    "NativeRouter",
    "Node",
    "Rule",
    "RuleState",
    "compile",
    "explain",
    "load",
    "read_mapping",
    "reasons",
    "scanner_name",
    "shipped_mapping",
    "state",
    "states",
]
