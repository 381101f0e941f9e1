"""Vectors of frozen encoders that a user brings: their files, their windows, the cache of the vectors."""
