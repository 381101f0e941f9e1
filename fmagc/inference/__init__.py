"""Predictions of trained networks, for tracks of the cache and for any audio file."""
