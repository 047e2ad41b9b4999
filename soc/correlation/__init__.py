"""Sigma correlations over event-time windows."""
