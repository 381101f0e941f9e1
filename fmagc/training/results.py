"""Write what is told of a training: its history, and the metrics of its best epoch."""

from fmagc.paths import HISTORY, VALIDATION
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
    "macro_average_precision": "average_precision",
    "log_loss": "loss",
}


def write_training(job: TrainingJob, trained: Trained) -> dict[str, float]:
    """Write the history and the validation metrics.

    Returns
    -------
    dict of str to float
        The validation metrics of the best epoch.
    """
    table = trained.history.assign(protocol=job.protocol, model=job.model, seed=job.seed)
    table = table[["protocol", "model", "seed", *trained.history.columns]]
    write_csv(HISTORY / job.protocol / job.model / f"{job.seed}.csv", table, float_format="%.6g")
    best = {metric: round(trained.card["validation"][column], 6) for metric, column in _COLUMNS.items()}
    write_json(VALIDATION / job.protocol / job.model / f"{job.seed}.json", best)
    return best
