"""The settings of a training in tests: the study's, but for what a test changes."""

from typing import Any

from fmagc.params.training import Train

# every ingredient that the study's recipe lacks
MODERN: dict[str, Any] = {
    "schedule": "cosine",
    "warmup_epochs": 1,
    "label_smoothing": 0.1,
}


def recipe(**changes: Any) -> Train:
    """Make the settings of a short training without augmentation."""
    values: dict[str, Any] = {"epochs": 5, "patience": 2, "batch_size": 4, "precision": "float32", "augment": []}
    values |= {"lr": 0.01, "schedule": "constant", "warmup_epochs": 0, "max_grad_norm": None}
    values |= {"class_balance": "none", "label_smoothing": 0.0}
    return Train.model_validate(values | changes)
