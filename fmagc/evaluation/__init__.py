"""Evaluation: predictions, metrics with intervals, calibration, comparisons. Nothing here imports torch."""
