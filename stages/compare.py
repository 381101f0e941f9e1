"""Compare all models and baselines: leaderboard, figures, focus.json, and a card for each network."""

import sys

from fmagc.errors import SettingsError
from fmagc.params.corpus import Dataset
from fmagc.params.evaluation import Compare, Evaluate
from fmagc.params.run import Run
from fmagc.paths import AUDIT, CLEANING, CURVES, FOCUS, LEADERBOARD
from fmagc.reporting import comparison
from fmagc.reporting.run_results import find_leftovers, read_entries, read_histories
from fmagc.runtime.entrypoint import run_stage
from fmagc.runtime.files import read_record, write_json, write_text


def main() -> None:
    """Run the stage compare."""
    whole_run, compare, settings = Run.load("run"), Compare.load("compare"), Evaluate.load("evaluate")
    entries, histories = read_entries(whole_run), read_histories(whole_run, whole_run.protocols)
    focus = [own for own in entries if (own.protocol, own.model) == (compare.protocol, compare.focus)]
    if not focus:
        raise SettingsError(
            f"compare: expected a protocol and a focus of this run, found {compare}: see run in params.yaml"
        )
    cleaning = read_record(CLEANING, stage="explore", cached=False)
    accepted = cleaning["accepted_by_set"]
    audits = read_record(AUDIT, stage="index", cached=False)
    test_sets = comparison.read_test_sets(entries, audits=audits, cleaning=cleaning)
    models = comparison.score_models(entries, resamples=settings.bootstrap)
    curves = comparison.compare_shares(
        entries, models=models, shares=whole_run.train_shares, accepted=accepted, resamples=settings.bootstrap
    )
    comparison.draw_results(entries, histories=histories, curves=curves, test_sets=test_sets)
    corpus = Dataset.load("dataset").name
    comparison.write_leaderboard(
        entries, models=models, curves=curves, test_sets=test_sets, corpus=corpus, base=compare.protocol
    )
    comparison.write_cards(entries, accepted=accepted, settings=settings)
    write_text(CURVES, histories.to_csv(index=False))
    write_json(FOCUS, dict(focus[0].track))
    for path in find_leftovers(whole_run):
        print(f"left over from other settings of run: {path}; `git rm` or `rm -r` it and run `dvc repro` again")
    print(f"{LEADERBOARD}: {len(entries)} rows; focus: {compare.focus} ({compare.protocol})")


if __name__ == "__main__":
    sys.exit(run_stage(main))
