"""Sigma correlations over event-time windows; what each choice means is written in SEMANTICS.md."""

from soc.correlation.correlator import Correlator
from soc.correlation.lane import Bounds
from soc.correlation.load import load
from soc.correlation.rule import Correlation, Role, Type, silenced

__all__ = ["Bounds", "Correlation", "Correlator", "Role", "Type", "load", "silenced"]
