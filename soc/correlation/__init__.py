"""Sigma correlations over event-time windows; what each choice means is written in SEMANTICS.md."""

from soc.correlation.budget import Budget
from soc.correlation.correlator import Correlator
from soc.correlation.lane import Bounds
from soc.correlation.load import load
from soc.correlation.pressure import PRESSURE, Pressure
from soc.correlation.progress import Progress, Step
from soc.correlation.rule import Correlation, Decided, Role, Type, silenced
from soc.correlation.state import Restored

__all__ = [
    "PRESSURE",
    "Bounds",
    "Budget",
    "Correlation",
    "Correlator",
    "Decided",
    "Pressure",
    "Progress",
    "Restored",
    "Role",
    "Step",
    "Type",
    "load",
    "silenced",
]
