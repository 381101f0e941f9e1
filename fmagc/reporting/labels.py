"""The words of figures and pages for sets, views and measures, and the warning on those of the demo."""

__all__ = ["DEMO_NOTE", "MEASURES", "SETS", "VIEWS"]

SETS = {"train": "training", "val": "validation", "test": "test"}
VIEWS = {"waveform": "waveform", "mel": "log-mel spectrogram"}
MEASURES = {"accuracy": "accuracy", "macro_f1": "macro F1"}
MEASURES |= {"macro_average_precision": "macro average precision", "macro_roc_auc": "macro ROC-AUC"}
DEMO_NOTE = "The demo corpus is synthesised: these numbers show that the pipeline runs, and say nothing about music."
