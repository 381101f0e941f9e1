"""Trained models in forms that leave the project: one file, from samples to probabilities."""
