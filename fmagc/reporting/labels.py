"""The words of figures and pages for sets and views, and the warning on those of the demo."""

__all__ = ["DEMO_NOTE", "SETS", "VIEWS"]

SETS = {"train": "training", "val": "validation", "test": "test"}
VIEWS = {"waveform": "waveform", "mel": "log-mel spectrogram"}
DEMO_NOTE = "The demo corpus is synthesised: these numbers show that the pipeline runs, and say nothing about music."
