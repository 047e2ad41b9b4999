"""The bundled story: a deterministic morning at the ministry, in real log formats."""
