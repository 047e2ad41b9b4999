"""The collector: inputs, a spool on disk, outputs. Imports only soc.core."""
