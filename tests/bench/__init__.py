"""Benchmarks: each prints one line of JSON with its ratios, `python -m tests.bench.<name>`; none is a test."""
