"""Assemble the comparison of all models and baselines: figures, leaderboard and model cards."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd

from fmagc.corpus.index import read_split
from fmagc.evaluation.protocol_gap import gaps_between
from fmagc.evaluation.results import BOOTSTRAP_SEED
from fmagc.evaluation.share_curve import ShareCurve
from fmagc.evaluation.significance import Correctness, compare_all
from fmagc.params.corpus import DEMO
from fmagc.params.evaluation import Evaluate
from fmagc.paths import CARDS, LEADERBOARD, RESULT_FIGURES
from fmagc.reporting.entries import Entry, TestSet
from fmagc.reporting.figures.bars import interval_bars
from fmagc.reporting.figures.calibration import reliability_diagrams
from fmagc.reporting.figures.clip_counts import clip_count_curves
from fmagc.reporting.figures.curves import learning_curves
from fmagc.reporting.figures.robustness import encoder_shifts, prediction_changes
from fmagc.reporting.figures.shares import share_curves
from fmagc.reporting.figures.style import save_figure
from fmagc.reporting.labels import DEMO_NOTE
from fmagc.reporting.leaderboard import Context, leaderboard_markdown
from fmagc.reporting.model_card import card_markdown
from fmagc.reporting.presentation.registry import PRESENTATIONS
from fmagc.reporting.protocol_results import ProtocolResults
from fmagc.reporting.run_results import (
    read_error_analysis,
    read_predictions,
    read_share_results,
    read_test_set,
)
from fmagc.runtime.files import write_text

__all__ = ["compare_shares", "draw_results", "read_test_sets", "score_models", "write_cards", "write_leaderboard"]


def read_test_sets(
    entries: Sequence[Entry], *, audits: Mapping[str, Mapping[str, Any]], cleaning: Mapping[str, Any]
) -> dict[str, TestSet]:
    """Describe the test set of each protocol.

    Parameters
    ----------
    entries : sequence of Entry
        All models and baselines, of every protocol.
    audits, cleaning : mapping
        As for `run_results.read_test_set`.
    """
    return {
        protocol: read_test_set(group[0], audits=audits, cleaning=cleaning)
        for protocol, group in _by_protocol(entries).items()
    }


def score_models(entries: Sequence[Entry], *, resamples: int) -> dict[str, dict[str, Correctness]]:
    """Score the models of each protocol, one after the other, on resamples of the bootstrap that all have in common."""
    return {
        protocol: {
            entry.model: Correctness.of(read_predictions(entry), resamples=resamples, seed=BOOTSTRAP_SEED)
            for entry in group
        }
        for protocol, group in _by_protocol(entries).items()
    }


def compare_shares(
    entries: Sequence[Entry],
    *,
    models: Mapping[str, Mapping[str, Correctness]],
    shares: Sequence[float],
    accepted: Mapping[str, Mapping[str, int]],
    resamples: int,
) -> dict[str, ShareCurve]:
    """Compare the models that were trained on shares of the training set with those of the whole, for each protocol.

    Parameters
    ----------
    entries, models
        As for `write_leaderboard`.
    shares : sequence of float
        `run.train_shares`; without one there is nothing to compare.
    accepted : mapping of str to mapping
        For each protocol the number of tracks of each set that could be decoded.
    resamples : int
        Of the bootstrap.
    """
    curves = {}
    for protocol, group in _by_protocol(entries).items() if shares else ():
        by_size: dict[int, dict[str, Correctness]] = {}
        for share, entry in product(shares, group):
            size, predictions = read_share_results(entry, share)
            by_size.setdefault(size, {})[entry.model] = Correctness.of(
                predictions, resamples=resamples, seed=BOOTSTRAP_SEED
            )
        by_size[accepted[protocol]["train"]] = dict(models[protocol])
        baselines = [entry.model for entry in group if not entry.cards]
        curves[protocol] = ShareCurve.of(by_size, baselines=baselines)
    return curves


def write_leaderboard(
    entries: Sequence[Entry],
    *,
    models: Mapping[str, Mapping[str, Correctness]],
    curves: Mapping[str, ShareCurve],
    test_sets: Mapping[str, TestSet],
    corpus: str,
    base: str,
) -> None:
    """Test all differences and write metrics/leaderboard.md.

    Parameters
    ----------
    entries : sequence of Entry
        All models and baselines, of every protocol.
    models : mapping of str to mapping
        As `score_models` gives them.
    curves : mapping of str to ShareCurve
        As `compare_shares` gives them.
    test_sets : mapping of str to TestSet
        As `read_test_sets` gives them.
    corpus : str
        `dataset.name`.
    base : str
        The protocol with which the others are compared.
    """
    context = Context(
        corpus=corpus,
        test_sets=test_sets,
        pairs={protocol: compare_all(own) for protocol, own in models.items()},
        base=base,
        gaps={name: gaps_between(models[base], other=own) for name, own in models.items() if name != base},
        curves=curves,
        note=DEMO_NOTE if corpus == DEMO else "",
    )
    write_text(LEADERBOARD, leaderboard_markdown(entries, context=context))


def write_cards(entries: Sequence[Entry], *, accepted: Mapping[str, Mapping[str, int]], settings: Evaluate) -> None:
    """Write metrics/cards/<protocol>/<model>.md for every network; parameters as in `card_markdown`."""
    for entry in entries:
        if entry.cards:
            page = card_markdown(
                entry,
                details=read_error_analysis(entry),
                split=read_split(entry.protocol),
                accepted=accepted[entry.protocol],
                settings=settings,
            )
            write_text(CARDS / entry.protocol / f"{entry.model}.md", page)


def draw_results(
    entries: Sequence[Entry],
    *,
    histories: pd.DataFrame,
    curves: Mapping[str, ShareCurve],
    test_sets: Mapping[str, TestSet],
) -> None:
    """Draw the figures of plots/results/<protocol>.

    Parameters
    ----------
    entries : sequence of Entry
        All models and baselines, of every protocol.
    histories : pd.DataFrame
        Of all trainings (`run_results.read_histories`).
    curves : mapping of str to ShareCurve
        As `compare_shares` gives them.
    test_sets : mapping of str to TestSet
        As `read_test_sets` gives them.
    """
    for protocol, group in _by_protocol(entries).items():
        test_set = test_sets[protocol]
        presentation, results = PRESENTATIONS[test_set.task], ProtocolResults(protocol, group, test_set)
        changes, shifts = results.robustness
        calibrations = {model: own["calibration"] for model, own in results.analyses.items()}
        figures = {
            "scores": interval_bars(
                results.scores, presentation.resampled, rank=presentation.headline, chance=presentation.chance(test_set)
            ),
            "curves": learning_curves(histories[histories["protocol"] == protocol], presentation.curves),
            "clips": clip_count_curves(results.clip_counts, presentation.resampled),
            "calibration": reliability_diagrams(calibrations, **presentation.calibration),
            "robustness": prediction_changes(changes),
            "shifts": encoder_shifts(shifts),
            **presentation.figures(results),
        }
        if protocol in curves:
            figures["shares"] = share_curves(curves[protocol].table, curves[protocol].headline)
        for name, figure in figures.items():
            save_figure(figure, RESULT_FIGURES / protocol / f"{name}.png")


def _by_protocol(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    protocols = dict.fromkeys(entry.protocol for entry in entries)
    return {protocol: [entry for entry in entries if entry.protocol == protocol] for protocol in protocols}
