"""Predictions, metrics with intervals, calibration and comparisons."""
