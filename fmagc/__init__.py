"""Offline feature cache and training DAG for music genre classification on the Free Music Archive.

The names below are imported when they are first used: importing fmagc alone imports neither torch nor numpy.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fmagc.api import decode, load_model, log_mel, open_cache
    from fmagc.cache.feature_cache import CachedTrack, FeatureCache
    from fmagc.dataset.clip_dataset import ClipDataset
    from fmagc.errors import DataError, FmagcError, Reason, RejectedTrack, SettingsError
    from fmagc.evaluation.metrics import metrics_of
    from fmagc.inference.predictor import Prediction, Predictor
    from fmagc.training.clip_sampler import Augment, TrainerBatches

__version__ = "0.1.0"

__all__ = [
    "Augment",
    "CachedTrack",
    "ClipDataset",
    "DataError",
    "FeatureCache",
    "FmagcError",
    "Prediction",
    "Predictor",
    "Reason",
    "RejectedTrack",
    "SettingsError",
    "TrainerBatches",
    "decode",
    "load_model",
    "log_mel",
    "metrics_of",
    "open_cache",
]

_MODULES = {
    "fmagc.api": ("decode", "load_model", "log_mel", "open_cache"),
    "fmagc.cache.feature_cache": ("CachedTrack", "FeatureCache"),
    "fmagc.dataset.clip_dataset": ("ClipDataset",),
    "fmagc.errors": ("DataError", "FmagcError", "Reason", "RejectedTrack", "SettingsError"),
    "fmagc.evaluation.metrics": ("metrics_of",),
    "fmagc.inference.predictor": ("Prediction", "Predictor"),
    "fmagc.training.clip_sampler": ("Augment", "TrainerBatches"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'fmagc' has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted([*__all__, "__doc__", "__file__", "__path__", "__version__"])
