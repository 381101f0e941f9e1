"""The metadata at the top of a model card: YAML between two lines of dashes, with the keys that model hubs read."""

from collections.abc import Mapping
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from fmagc.reporting.licences import licence_fields

__all__ = ["body_of", "has_metadata", "metadata_block"]

_FENCE = "---\n"
_TASK = "audio-classification"
_SIZES = ("small", "medium", "large", "full")
_DATASETS = {f"fma_{size}": f"benjamin-paine/free-music-archive-{size}" for size in _SIZES}  # FMA's copies on the hub
_METRICS = {"accuracy": "accuracy", "f1": "macro F1", "precision": "macro precision", "recall": "macro recall"}
_METRICS |= {"average_precision": "macro average precision", "roc_auc": "macro ROC-AUC"}


def metadata_block(
    model: str,
    *,
    corpus: Mapping[str, str],
    protocol: str | None,
    scores: Mapping[str, float],
    n_seeds: int,
) -> str:
    """Write the metadata of a model.

    Parameters
    ----------
    model : str
    corpus : mapping
        `name` and `layout` of the corpus that it was trained on.
    protocol : str or None
        By which the model was tested; None when the scores are those of validation.
    scores : mapping of str to float
        Measures that the hub knows (`presentation.card_words.CardWords.hub_metrics`).
    n_seeds : int
        Trainings over which the scores are means.
    """
    known = _DATASETS.get(corpus["name"]) if corpus["layout"] == "fma" else None
    trained_on = corpus["name"]
    mean = f", mean of {n_seeds} trainings" if n_seeds > 1 else ""
    shown = {kind: name for kind, name in _METRICS.items() if kind in scores}
    metrics = [{"type": kind, "value": round(scores[kind], 6), "name": f"{name}{mean}"} for kind, name in shown.items()]
    result = {
        "task": {"type": _TASK, "name": "Music genre classification"},
        "dataset": {
            "type": known or trained_on,
            "name": f"{trained_on}, protocol {protocol}" if protocol else trained_on,
            "split": "test" if protocol else "validation",
        },
        "metrics": metrics,
    }
    fields: dict[str, Any] = {
        **licence_fields(corpus),
        "library_name": "fmagc",
        "pipeline_tag": _TASK,
        "tags": ["music", "music-genre-classification", model],
        **({"datasets": [known]} if known else {}),
        "metrics": list(shown),
        "model-index": [{"name": model, "results": [result]}],
    }
    text = StringIO()
    YAML().dump(fields, text)
    return f"{_FENCE}{text.getvalue()}{_FENCE}\n"


def has_metadata(page: str) -> bool:
    """Tell whether a card begins with metadata."""
    return page.startswith(_FENCE)


def body_of(page: str) -> str:
    """Return the text of a card below its metadata and its title."""
    return page.partition(f"\n{_FENCE}\n")[2].partition("\n")[2]
