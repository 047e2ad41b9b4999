"""The stages composed: the only constructor of engines."""
