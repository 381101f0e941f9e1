"""Leaderboard, model cards, figures and the page."""
