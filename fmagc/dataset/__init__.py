"""Clips of the cache as torch sees them: map-style datasets and batches in order."""
