"""The shells round the pure pipeline: files, the embedded service."""
