"""Put all models and baselines side by side: leaderboard.md, focus.json, figures."""

import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from fmagc.console import run
from fmagc.evaluation.figures.bars import interval_bars
from fmagc.evaluation.figures.confusion import confusion_grid
from fmagc.evaluation.figures.curves import learning_curves
from fmagc.evaluation.figures.style import save
from fmagc.evaluation.leaderboard import Context, Entry, HeldOut, leaderboard_markdown
from fmagc.evaluation.predictions import read_predictions
from fmagc.evaluation.results import CLIP_METRICS, CONFUSION, PREDICTIONS, TRACK_METRICS
from fmagc.files import read_json, write_json, write_text
from fmagc.params.corpus import DEMO, Dataset
from fmagc.params.evaluation import Compare
from fmagc.params.run import Run

FIGURES = Path("plots/results")
HISTORY = Path("plots/history")
CURVES = Path("plots/curves.csv")
MODELS_FOLDER = Path("data/models")
DEMO_NOTE = "The demo corpus is synthesised: these numbers show that the line runs, and say nothing about music."


def main() -> None:
    """Compare."""
    whole_run, compare, corpus = Run.load("run"), Compare.load("compare"), Dataset.load("dataset").name
    names = [*whole_run.models, *whole_run.baselines]
    entries: list[Entry] = []
    test_sets: dict[str, HeldOut] = {}
    for protocol in whole_run.protocols:
        for name in names:
            entries.append(_entry(protocol, name, seeds=whole_run.seeds if name in whole_run.models else []))
        test_sets[protocol] = HeldOut.from_predictions(read_predictions(PREDICTIONS / protocol / f"{names[0]}.csv"))
        _draw(protocol, whole_run, [entry for entry in entries if entry.protocol == protocol], test_sets[protocol])
    context = Context(corpus=corpus, test_sets=test_sets, note=DEMO_NOTE if corpus == DEMO else "")
    write_text(Path("metrics/leaderboard.md"), leaderboard_markdown(entries, context=context))
    write_text(CURVES, _histories(whole_run, whole_run.protocols).to_csv(index=False))
    chosen = next(entry for entry in entries if (entry.protocol, entry.model) == (compare.protocol, compare.focus))
    write_json(Path("metrics/focus.json"), dict(chosen.track))
    print(f"metrics/leaderboard.md: {len(entries)} rows; focus: {compare.focus} ({compare.protocol})")


def _entry(protocol: str, name: str, *, seeds: list[int]) -> Entry:
    cards = [MODELS_FOLDER / protocol / name / str(seed) / "card.json" for seed in seeds]
    return Entry(
        protocol=protocol,
        model=name,
        track=read_json(TRACK_METRICS / protocol / f"{name}.json", made_by=f"evaluate@{protocol}-{name}"),
        clip=read_json(CLIP_METRICS / protocol / f"{name}.json", made_by=f"evaluate@{protocol}-{name}"),
        cards=[read_json(path, made_by=f"train@{protocol}-{name}") for path in cards],
    )


def _draw(protocol: str, whole_run: Run, entries: list[Entry], test: HeldOut) -> None:
    table = pd.DataFrame([{"model": entry.model, **entry.track} for entry in entries])
    genres = list(test.genres)
    chance = max(test.genres.values()) / test.n_tracks
    save(interval_bars(table, chance=chance), FIGURES / protocol / "scores.png")
    matrices = {entry.model: _matrix(CONFUSION / protocol / f"{entry.model}.csv", genres) for entry in entries}
    save(confusion_grid(matrices, genres), FIGURES / protocol / "confusion.png")
    save(learning_curves(_histories(whole_run, [protocol])), FIGURES / protocol / "curves.png")


def _histories(whole_run: Run, protocols: Sequence[str]) -> pd.DataFrame:
    """Join the histories of all trainings: DVC's charts take one file, or mix up the revisions."""
    runs = product(protocols, whole_run.models, whole_run.seeds)
    paths = [HISTORY / protocol / model / f"{seed}.csv" for protocol, model, seed in runs]
    return pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)


def _matrix(path: Path, genres: list[str]) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    counts = pd.crosstab(table["true"], table["predicted"]).reindex(index=genres, columns=genres, fill_value=0)
    return counts.to_numpy(dtype=np.int64)


if __name__ == "__main__":
    sys.exit(run(main))
