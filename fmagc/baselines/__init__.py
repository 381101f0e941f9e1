"""Baseline classifiers, fitted on features of the cached spectrograms."""
