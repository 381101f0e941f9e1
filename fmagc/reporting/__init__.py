"""Leaderboard, model cards, figures and the page: everything that is read by people."""
