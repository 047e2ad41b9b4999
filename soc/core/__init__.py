"""What every part shares: events, fields, ids, findings, alerts, settings. Imports nothing of the project."""
