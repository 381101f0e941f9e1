"""Where trainings leave what they made, and under which names."""

from pathlib import Path

__all__ = ["CARD", "HISTORY", "MODELS_FOLDER", "VALIDATION", "VALIDATION_METRICS", "WEIGHTS", "training_folder"]

MODELS_FOLDER = Path("data/models")
HISTORY = Path("plots/history")
VALIDATION = Path("metrics/validation")
VALIDATION_METRICS = {  # as evaluation names them: the columns of a history
    "accuracy": "accuracy",
    "macro_f1": "f1",
    "macro_precision": "precision",
    "macro_recall": "recall",
    "log_loss": "loss",
}
CARD = "card.json"
WEIGHTS = "weights.safetensors"


def training_folder(protocol: str, model: str, seed: int) -> Path:
    """Return the folder of one training's weights and card."""
    return MODELS_FOLDER / protocol / model / str(seed)
