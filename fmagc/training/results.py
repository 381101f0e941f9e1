"""Write the results of a training: weights and card, its history, and the metrics of its best epoch."""

from fmagc.models.pretrained import publish_trained
from fmagc.paths import HISTORY, VALIDATION
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.files import write_json
from fmagc.runtime.tables import write_csv
from fmagc.training.job import TrainingJob
from fmagc.training.train import Trained

__all__ = ["write_training"]

_COLUMNS = {  # of a history, by the names that evaluation gives them
    "accuracy": "accuracy",
    "macro_f1": "f1",
    "macro_precision": "precision",
    "macro_recall": "recall",
    "log_loss": "loss",
}


def write_training(job: TrainingJob, trained: Trained, *, store: ArtifactStore) -> dict[str, float]:
    """Publish weights and card, write the history and the validation metrics.

    Parameters
    ----------
    store : ArtifactStore
        Which holds the weights; entered.

    Returns
    -------
    dict of str to float
        The validation metrics of the best epoch.
    """
    publish_trained(job.folder, trained.weights, trained.card, store=store)
    table = trained.history.assign(protocol=job.protocol, model=job.model, seed=job.seed)
    table = table[["protocol", "model", "seed", *trained.history.columns]]
    write_csv(HISTORY / job.protocol / job.model / f"{job.seed}.csv", table, float_format="%.6g")
    best = {metric: round(trained.card["validation"][column], 6) for metric, column in _COLUMNS.items()}
    write_json(VALIDATION / job.protocol / job.model / f"{job.seed}.json", best)
    return best
