"""Classifiers without a network, fitted on features of the cached spectrograms."""
