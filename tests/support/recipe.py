"""The settings of a training in tests: the study's, but for what a test changes."""

from typing import Any

from fmagc.params.training import Train

# every ingredient that the study's recipe lacks
MODERN: dict[str, Any] = {
    "optimiser": "adamw",
    "schedule": "cosine",
    "warmup_epochs": 1,
    "ema_decay": 0.7,
    "label_smoothing": 0.1,
    "augment_batch": [
        {"name": "filter_augment", "p": 0.5, "max_db": 6.0, "min_segments": 2, "max_segments": 4},
        {"name": "mixup", "p": 0.7, "alpha": 0.5, "within_class": False},
        {"name": "spec_augment", "p": 0.5, "time_masks": 2, "max_frames": 9, "band_masks": 2, "max_bands": 9},
    ],
}


def recipe(**changes: Any) -> Train:
    """Make the settings of a short training without augmentation."""
    values: dict[str, Any] = {"epochs": 5, "patience": 2, "batch_size": 4, "precision": "float32", "augment": []}
    values |= {"optimiser": "adam", "lr": 0.01, "schedule": "constant", "warmup_epochs": 0, "max_grad_norm": None}
    values |= {"ema_decay": None, "class_balance": "none", "label_smoothing": 0.0, "augment_batch": []}
    return Train.model_validate(values | changes)
