"""Predictions on transformed tracks, and equivariance of the encoders."""
