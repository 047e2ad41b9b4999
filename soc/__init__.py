"""An open SOC event pipeline: security logs in, few explained alerts out."""

__version__ = "0.1.0"
