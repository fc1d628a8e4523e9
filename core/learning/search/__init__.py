"""The nearest neighbours of vectors: exact, approximate, or on a cluster."""
