"""The tasks, single-label and multi-label: the genres that a track carries, and the probabilities of genres."""
