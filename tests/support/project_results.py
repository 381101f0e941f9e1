"""The files that the pipeline writes of a training that it has tested."""

from pathlib import Path

import pandas as pd

from fmagc.paths import CARD, CARDS, CONFUSION, DETAILS, TRACK_METRICS
from fmagc.reporting.hub_metadata import metadata_block
from fmagc.runtime.files import read_record, write_json, write_record, write_text
from fmagc.runtime.tables import write_csv

SCORES = {"accuracy": 0.75, "f1": 0.7, "precision": 0.8, "recall": 0.6}
METRICS = {"accuracy": 0.75, "accuracy_low": 0.5, "accuracy_high": 0.875, "macro_f1": 0.7, "macro_f1_low": 0.4}
METRICS |= {"macro_f1_high": 0.8}
METRICS |= {f"macro_{name}": 0.5 for name in ("average_precision", "roc_auc")}


def write_results(folder: Path) -> None:
    """Write card, confusions, metrics and errors of a training into its project, as far as they are read again."""
    project, (protocol, model) = folder.parents[4], folder.parts[-3:-1]
    trained = read_record(folder / CARD, stage="train")
    block = metadata_block(model, corpus=trained["corpus"], protocol=protocol, scores=SCORES, n_seeds=1)
    page = f"{block}# Model card: {model}\n\n- weights: `{trained['weights']}`\n\n## How to use it\n\n`dvc repro`\n"
    write_text(project / CARDS / protocol / f"{model}.md", page)
    write_json(project / TRACK_METRICS / protocol / f"{model}.json", METRICS)
    true = list(trained["genres"])
    counts = project / CONFUSION / protocol / f"{model}.csv"
    counts.parent.mkdir(parents=True)
    write_csv(counts, pd.DataFrame({"true": true, "predicted": [true[0], *true[:-1]], "tracks": 1}))
    wrong = [{"genre": true[0], "count": 2.0, "tracks_of": [{"genre": true[1], "count": 2.0}]}]
    write_record(project / DETAILS / protocol / f"{model}.json", {"track": {"false_positives": wrong}})
