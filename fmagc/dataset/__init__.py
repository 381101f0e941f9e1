"""Clips of the cache as torch datasets and batches."""
