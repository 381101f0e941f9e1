"""Evaluation: predictions, metrics, baselines, comparison, figures."""
