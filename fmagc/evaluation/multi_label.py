"""Scores where a track has several genres: how well the tracks of each genre are ranked before all others.

Conventions
-----------
A macro mean runs over the genres that a row of the set carries, whose number is `genres_tested`; that of ROC-AUC also
needs a row that does not carry the genre, and is 0.5 where no genre has both. A micro mean ranks all pairs of a row and
a genre together.

Metrics
-------
macro_average_precision, micro_average_precision, macro_roc_auc, micro_roc_auc
    See `ranking`.
macro_average_precision_roots, _second, _leaves
    Of the genres at the roots of the tree, of those one level below, and of those with no genre below them; where the
    genres form a tree, and the set has such genres.
precision_at_1, precision_at_3
    Share of the one, or of the three most probable genres of a row that it carries, the first of equals.
macro_f1
    Mean of the genres' F1. A row gets the genres whose probability reaches their threshold: the one with the best F1 on
    the validation rows, or for a genre that none of these carries, the one best for all pairs.
log_loss
    Mean over rows of the sum over genres of the binary cross-entropy, in nats; a probability is at least
    `PROBABILITY_FLOOR` away from 0 and 1.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from fmagc.evaluation.abstract_scoring import Scoring
from fmagc.evaluation.bootstrap import draw
from fmagc.evaluation.calibration import confidence_bins, least_loss
from fmagc.evaluation.confusions import confusions_by_seed
from fmagc.evaluation.metrics import Floats, Ints, log_odds, log_probabilities
from fmagc.evaluation.predictions import Predictions
from fmagc.evaluation.ranking import best_threshold, rank_genres, rank_once

__all__ = ["MultiLabel"]

DECIMALS = 6
N_SOURCES = 5  # genres whose tracks get a genre wrongly
_FINE, _COARSE = 1 << 16, 1 << 11  # bins of logits: of all rows, and of each artist

Bools = npt.NDArray[np.bool_]


class MultiLabel(Scoring):
    """The measures of the task in which a track has several genres."""

    task = "multi"
    headline = "macro_average_precision"
    resampled = ("macro_average_precision", "macro_roc_auc")

    def scores(self, rows: Predictions) -> dict[str, float]:
        """Compute macro average precision and macro ROC-AUC of the rows of one seed."""
        precision, auc = rank_once(rows.probabilities, rows.carried)
        return dict(zip(self.resampled, (_macro(precision).item(), _macro(auc, otherwise=0.5).item()), strict=True))

    def metrics(self, test: Predictions, *, validation: Predictions, genres: pd.DataFrame) -> dict[str, float]:
        """Compute the metrics of the module's docstring."""
        p, carried = test.probabilities, test.carried
        precision, auc = rank_once(p, carried)
        (micro_precision,), (micro_auc,) = rank_once(p.reshape(-1, 1), carried.reshape(-1, 1))
        best = np.argsort(-p, axis=1, kind="stable")[:, :3]
        hits = np.take_along_axis(carried, best, axis=1)
        by_genre = _decided(p >= _thresholds(validation), carried)
        return {
            "macro_average_precision": _macro(precision).item(),
            "micro_average_precision": float(micro_precision),
            "macro_roc_auc": _macro(auc, otherwise=0.5).item(),
            "micro_roc_auc": 0.5 if np.isnan(micro_auc) else float(micro_auc),
            "precision_at_1": float(hits[:, 0].mean()),
            "precision_at_3": float(hits.sum(axis=1).mean() / 3),
            "macro_f1": float(by_genre["f1"][carried.any(axis=0)].mean()),
            "log_loss": self.log_loss(test),
            "genres_tested": int(carried.any(axis=0).sum()),
            **_by_level(dict(zip(test.genres, precision.tolist(), strict=True)), genres),
        }

    def resamples(self, test: Predictions, *, resamples: int, seed: int) -> Mapping[str, Floats]:
        """Compute macro average precision and macro ROC-AUC, means over seeds, in every resample.

        A resample repeats tracks, which new tracks of other artists would not: repeated ones have the same place in the
        ranking, which raises the average precision of a genre of few tracks. So the resamples give the spread alone:
        their values are moved until their mean is the score of the rows themselves.
        """
        artists = np.unique(test.artist_ids)
        by_seed = test.by_seed()
        times, seeds = draw(len(artists), n_seeds=len(by_seed), resamples=resamples, seed=seed)
        values = np.empty((len(self.resampled), resamples, len(by_seed)))
        found = pd.DataFrame([self.scores(own) for own in by_seed.values()]).mean()
        for run, own in enumerate(by_seed.values()):
            place = np.searchsorted(artists, own.artist_ids)
            precision, auc = rank_genres(own.probabilities, own.carried, artists=place, times=times)
            values[:, :, run] = _macro(precision), _macro(auc, otherwise=0.5)
        drawn = {name: np.average(own, axis=1, weights=seeds) for name, own in zip(self.resampled, values, strict=True)}
        return {name: np.clip(own + found[name] - own.mean(), 0, 1) for name, own in drawn.items()}

    def confidences(self, rows: Predictions) -> tuple[Floats, Bools]:
        """List the probabilities of all genres of all rows, and which genres the rows carry."""
        return rows.probabilities.ravel(), rows.carried.ravel()

    def log_loss(self, rows: Predictions) -> float:
        """Compute the mean over rows of the summed binary cross-entropies, in nats."""
        of_truth = np.where(rows.carried, rows.probabilities, 1 - rows.probabilities)
        return float(-log_probabilities(of_truth).sum(axis=1).mean())

    def ece_by_chance(self, rows: Predictions) -> float:
        """Estimate the error of so many pairs by the normal distribution: their hits in a bin are sums of many."""
        p = rows.probabilities.ravel()
        variances = np.bincount(confidence_bins(p), weights=p * (1 - p))
        return float(np.sqrt(2 / np.pi * variances).sum() / p.size)

    def fit_temperature(self, rows: Predictions) -> float:
        """Fit the temperature of the logistic function."""
        everyone = np.zeros(len(rows.labels), dtype=np.int64)
        edges, counts, carried_logits = _logit_counts(rows, everyone, n_bins=_FINE)
        return _fitted(edges, counts[0], carried_logits[0])

    def fit_temperatures(self, rows: Predictions, *, artists: Ints, times: Ints) -> list[float]:
        """Fit the temperature to each resample, from counts of the logits of each artist."""
        edges, counts, carried_logits = _logit_counts(rows, artists, n_bins=_COARSE)
        drawn = times.astype(np.float64) @ counts
        return [_fitted(edges, *each) for each in zip(drawn, times @ carried_logits, strict=True)]

    def scale(self, probabilities: Floats, temperature: float) -> Floats:
        """Take the logistic function of the logits, divided by the temperature."""
        return np.asarray(expit(log_odds(probabilities) / temperature))

    def genre_table(self, predictions: Predictions) -> list[dict[str, Any]]:
        """Measure each genre on the test rows (`Scoring.genre_table`)."""
        validation = predictions.validation.by_seed()
        by_seed = []
        for run, own in predictions.test.by_seed().items():
            precision, auc = rank_once(own.probabilities, own.carried)
            thresholds = _thresholds(validation[run])
            decided = _decided(own.probabilities >= thresholds, own.carried)
            by_seed.append({"average_precision": precision, "roc_auc": auc, "threshold": thresholds, **decided})
        support = own.carried.sum(axis=0)
        table = [{"genre": genre, "support": int(n)} for genre, n in zip(predictions.genres, support, strict=True)]
        for name in by_seed[0]:
            values = np.stack([own[name] for own in by_seed])  # (S, K)
            _add(table, name, values.mean(axis=0))
            if len(by_seed) > 1:
                _add(table, f"{name}_std", values.std(axis=0, ddof=1))
        return table

    def analysis(self, predictions: Predictions) -> dict[str, Any]:
        """List the genres that test rows get wrongly (`Scoring.analysis`), from the confusions."""
        counts = confusions_by_seed(predictions.test).mean(axis=0)
        np.fill_diagonal(counts, 0)
        genres = predictions.genres
        total = counts.sum(axis=0)
        found = [genre for genre in np.argsort(-total, kind="stable").tolist() if total[genre] > 0]
        sources = {genre: np.argsort(-counts[:, genre], kind="stable")[:N_SOURCES].tolist() for genre in found}
        return {
            "false_positives": [
                {
                    "genre": genres[genre],
                    "count": round(float(total[genre]), DECIMALS),
                    "tracks_of": [
                        {"genre": genres[source], "count": round(float(counts[source, genre]), DECIMALS)}
                        for source in sources[genre]
                        if counts[source, genre] > 0
                    ],
                }
                for genre in found
            ]
        }


def _macro(values: Floats, *, otherwise: float = np.nan) -> Floats:
    """Average over the genres that have a value, the last axis."""
    known = ~np.isnan(values)
    n_known = known.sum(axis=-1)
    sums = np.where(known, values, 0).sum(axis=-1)
    return np.where(n_known > 0, sums / np.maximum(n_known, 1), otherwise)


def _by_level(precision: Mapping[str, float], genres: pd.DataFrame) -> dict[str, float]:
    """Average the precision by level of the tree, if the genres form one."""
    if not genres["parent"].astype(bool).any():
        return {}
    levels = {"roots": genres["depth"] == 0, "second": genres["depth"] == 1, "leaves": genres["is_leaf"]}
    means = {
        f"macro_average_precision_{name}": _macro(
            np.array([precision.get(genre, np.nan) for genre in genres["genre"][rows]], dtype=np.float64)
        ).item()
        for name, rows in levels.items()
    }
    return {name: value for name, value in means.items() if not np.isnan(value)}


def _thresholds(validation: Predictions) -> Floats:
    """Choose the threshold of each genre [shape=(K,)] on the validation rows of one seed."""
    p, carried = validation.probabilities, validation.carried
    pooled = best_threshold(p.ravel(), carried.ravel())
    return np.array(
        [
            best_threshold(p[:, genre], carried[:, genre]) if carried[:, genre].any() else pooled
            for genre in range(p.shape[1])
        ]
    )


def _decided(given: Bools, carried: Bools) -> dict[str, Floats]:
    """Compute precision, recall and F1 of each genre [shape=(K,)]; a ratio without a denominator is 0."""
    hits, n_given, n_carried = (given & carried).sum(axis=0), given.sum(axis=0), carried.sum(axis=0)
    return {
        "precision": hits / np.maximum(n_given, 1),
        "recall": hits / np.maximum(n_carried, 1),
        "f1": 2 * hits / np.maximum(n_given + n_carried, 1),
    }


def _add(table: list[dict[str, Any]], name: str, values: Floats) -> None:
    for row, value in zip(table, values.tolist(), strict=True):
        row[name] = None if np.isnan(value) else round(value, DECIMALS)


def _logit_counts(rows: Predictions, artists: npt.NDArray[np.int64], *, n_bins: int) -> tuple[Floats, Floats, Floats]:
    """Summarise what the log loss at any temperature needs.

    It is the sum of softplus(z / T) over all pairs of a row and a genre, less the sum of z / T over those that are
    carried: the first is a matter of how many pairs have which logit z, the second of one number.

    Returns
    -------
    places : np.ndarray [shape=(B,), float64]
        Logits.
    counts : np.ndarray [shape=(A, B), float64]
        Pairs of each artist at each place; a pair between two places is divided between them.
    carried : np.ndarray [shape=(A,), float64]
        Sums of the logits that are carried.
    """
    logits = log_odds(rows.probabilities)
    bound = log_odds(np.ones(1)).item()
    step = 2 * bound / (n_bins - 1)
    position = (logits + bound) / step
    lower = np.clip(position.astype(np.int64), 0, n_bins - 2)
    part = (position - lower).ravel()
    cells, n_cells = (artists[:, None] * n_bins + lower).ravel(), (artists.max() + 1) * n_bins
    counts = np.asarray(np.bincount(cells, 1 - part, n_cells) + np.bincount(cells + 1, part, n_cells), dtype=np.float64)
    carried = np.asarray(np.bincount(artists, np.where(rows.carried, logits, 0).sum(axis=1)), dtype=np.float64)
    return np.linspace(-bound, bound, n_bins), counts.reshape(len(carried), n_bins), carried


def _fitted(places: Floats, counts: Floats, carried: float) -> float:
    above = np.maximum(places, 0)

    def log_loss(temperature: float) -> float:
        softplus = above / temperature + np.log1p(np.exp(-np.abs(places) / temperature))
        return float(counts @ softplus - carried / temperature)

    return least_loss(log_loss)
