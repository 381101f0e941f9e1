"""The words of figures and pages for sets and views."""

__all__ = ["SETS", "VIEWS"]

SETS = {"train": "training", "val": "validation", "test": "test"}
VIEWS = {"waveform": "waveform", "mel": "log-mel spectrogram"}
