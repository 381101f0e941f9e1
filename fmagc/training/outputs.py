"""Where trainings leave what they made, for those who read it without a network."""

from pathlib import Path

__all__ = ["CARD", "HISTORY", "MODELS_FOLDER", "training_folder"]

MODELS_FOLDER = Path("data/models")
HISTORY = Path("plots/history")
CARD = "card.json"


def training_folder(protocol: str, model: str, seed: int) -> Path:
    """Return the folder of one training's weights and card."""
    return MODELS_FOLDER / protocol / model / str(seed)
