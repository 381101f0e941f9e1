"""Put all models and baselines side by side: leaderboard.md, focus.json, figures; and write a card for each network."""

import sys

import pandas as pd

from fmagc.corpus.index import read_split
from fmagc.errors import SettingsError
from fmagc.evaluation.predictions import genres_of, read_predictions
from fmagc.evaluation.protocol_gap import gaps_between
from fmagc.evaluation.results import BOOTSTRAP_SEED
from fmagc.evaluation.significance import Verdicts, compare_all
from fmagc.params.corpus import DEMO, Dataset
from fmagc.params.evaluation import Compare, Evaluate
from fmagc.params.run import Run
from fmagc.params.signal import Audio
from fmagc.paths import AUDIT, CARDS, CLEANING, CURVES, FOCUS, LEADERBOARD, PREDICTIONS, RESULT_FIGURES
from fmagc.reporting.figures.bars import interval_bars
from fmagc.reporting.figures.calibration import reliability_diagrams
from fmagc.reporting.figures.clip_counts import clip_count_curves
from fmagc.reporting.figures.confusion import confusion_grid
from fmagc.reporting.figures.curves import learning_curves
from fmagc.reporting.figures.genres import genre_scores
from fmagc.reporting.figures.robustness import encoder_shifts, prediction_changes
from fmagc.reporting.figures.style import publish
from fmagc.reporting.leaderboard import Context, TestSet, leaderboard_markdown
from fmagc.reporting.model_card import card_markdown
from fmagc.reporting.run_results import (
    clip_counts_of,
    confusion_counts_of,
    details_of,
    entries_of,
    histories_of,
    left_over,
    robustness_tables_of,
)
from fmagc.runtime.entrypoint import run_stage
from fmagc.runtime.files import read_json, write_json, write_text

DEMO_NOTE = "The demo corpus is synthesised: these numbers show that the line runs, and say nothing about music."


def main() -> None:
    """Compare."""
    whole_run, compare, corpus = Run.load("run"), Compare.load("compare"), Dataset.load("dataset")
    entries = entries_of(whole_run)
    chosen = next(
        (entry for entry in entries if (entry.protocol, entry.model) == (compare.protocol, compare.focus)), None
    )
    if chosen is None:
        raise SettingsError(
            f"compare: expected a protocol and a focus of this run, found {compare}: see run in params.yaml"
        )
    audits = read_json(AUDIT, stage="index")
    accepted = read_json(CLEANING, stage="explore")["accepted_by_set"]
    test_sets: dict[str, TestSet] = {}
    verdicts: dict[str, dict[str, Verdicts]] = {}
    for protocol in whole_run.protocols:
        figures = RESULT_FIGURES / protocol
        group = {entry.model: entry for entry in entries if entry.protocol == protocol}
        tables = {name: read_predictions(PREDICTIONS / protocol / f"{name}.csv") for name in group}
        first = next(iter(tables.values()))
        genres = genres_of(first)
        scores = pd.DataFrame([{"model": name, **entry.track} for name, entry in group.items()])
        matrices = {name: confusion_counts_of(protocol, name, genres) for name in group}
        publish(interval_bars(scores, chance=1 / len(genres)), figures / "scores.png")
        publish(confusion_grid(matrices, genres), figures / "confusion.png")
        publish(learning_curves(histories_of(whole_run, [protocol])), figures / "curves.png")
        publish(clip_count_curves(clip_counts_of(protocol, whole_run.models)), figures / "clips.png")
        details = {name: details_of(entry)["track"] for name, entry in group.items()}
        publish(
            genre_scores({name: own["genres"] for name, own in details.items()}),
            figures / "genres.png",
        )
        calibrations = {name: own["calibration"] for name, own in details.items()}
        publish(reliability_diagrams(calibrations), figures / "calibration.png")
        changes, shifts = robustness_tables_of(protocol)
        publish(prediction_changes(changes), figures / "robustness.png")
        publish(encoder_shifts(shifts), figures / "shifts.png")
        test_sets[protocol] = TestSet.of(first, audits[protocol], accepted[protocol])
        verdicts[protocol] = {name: Verdicts.of(table) for name, table in tables.items()}
    settings = Evaluate.load("evaluate")
    draws = {"resamples": settings.bootstrap, "seed": BOOTSTRAP_SEED}
    base = compare.protocol
    note = DEMO_NOTE if corpus.name == DEMO else ""
    context = Context(
        corpus=corpus.name,
        test_sets=test_sets,
        pairs={protocol: compare_all(own, **draws) for protocol, own in verdicts.items()},
        base=base,
        gaps={other: gaps_between(verdicts[base], own, **draws) for other, own in verdicts.items() if other != base},
        note=note,
    )
    write_text(LEADERBOARD, leaderboard_markdown(entries, context=context))
    write_text(CURVES, histories_of(whole_run, whole_run.protocols).to_csv(index=False))
    write_json(FOCUS, dict(chosen.track))
    sample_rate = Audio.load("audio").sample_rate
    for entry in entries:
        if entry.cards:
            page = card_markdown(
                entry,
                details=details_of(entry),
                split=read_split(entry.protocol),
                accepted=accepted[entry.protocol],
                corpus=corpus,
                sample_rate=sample_rate,
                settings=settings,
                note=note,
            )
            write_text(CARDS / entry.protocol / f"{entry.model}.md", page)
    for path in left_over(whole_run):
        print(f"left over from other settings of run: {path}; `git rm` or `rm -r` it and run `dvc repro` again")
    print(f"{LEADERBOARD}: {len(entries)} rows; focus: {compare.focus} ({compare.protocol})")


if __name__ == "__main__":
    sys.exit(run_stage(main))
