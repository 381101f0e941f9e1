"""What stands behind a model's numbers: genre by genre, what it mixes up, how sure it is, where it errs most surely.

Everything is a function of the table of predictions and of the tracks' names, and of test rows; validation decides the
temperatures alone. Where there are several seeds of training, numbers are means over them.
"""

from typing import Any

import numpy as np
import pandas as pd

from fmagc.evaluation.calibration import error_by_chance, reliability, temperature_interval, tempered
from fmagc.evaluation.metrics import Floats, class_metrics, confusion_counts, metrics_of
from fmagc.evaluation.predictions import arrays_of, by_track, genres_of

__all__ = ["calibration", "confident_errors", "details_of", "genre_table", "top_confusions"]

N_CONFUSIONS = 10
N_ERRORS = 20
DECIMALS = 6


def details_of(predictions: pd.DataFrame, *, names: pd.DataFrame) -> dict[str, Any]:
    """Gather all details of a model, ready for JSON.

    Parameters
    ----------
    predictions : DataFrame
        A valid table of predictions with rows of validation and test.
    names : DataFrame
        As `corpus.index.read_names`.

    Returns
    -------
    dict
        ``track`` and ``clip``, each with ``genres``, ``confusions`` and ``calibration``; ``errors``, of tracks.
    """
    tracks = by_track(predictions)
    levels = {
        level: {"genres": genre_table(rows), "confusions": top_confusions(rows), "calibration": calibration(rows)}
        for level, rows in (("track", tracks), ("clip", predictions))
    }
    return {**levels, "errors": confident_errors(tracks, names=names)}


def genre_table(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Describe each genre: ``support`` (rows of one seed), ``precision``, ``recall``, ``f1``, ``f1_std`` over seeds."""
    counts = _counts_by_seed(rows)
    support = counts[0].sum(axis=1).astype(int).tolist()
    by_class = class_metrics(counts)  # (S, K) each
    table = [
        {"genre": genre, "support": support[k]}
        | {name: round(float(values[:, k].mean()), DECIMALS) for name, values in by_class.items()}
        for k, genre in enumerate(genres_of(rows))
    ]
    if len(counts) > 1:
        for k, row in enumerate(table):
            row["f1_std"] = round(float(by_class["f1"][:, k].std(ddof=1)), DECIMALS)
    return table


def top_confusions(rows: pd.DataFrame, *, limit: int = N_CONFUSIONS) -> list[dict[str, Any]]:
    """List the commonest errors: ``true``, ``predicted``, mean ``count`` of a seed, ``share`` of the true genre's rows.

    Those that take most of a genre come first.
    """
    genres = genres_of(rows)
    counts: Floats = _counts_by_seed(rows).mean(axis=0)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    wrong = [(true, named) for true, named in np.argwhere(counts > 0).tolist() if true != named]
    ranked = sorted(wrong, key=lambda cell: (-share[*cell], -counts[*cell], cell))
    return [
        {
            "true": genres[true],
            "predicted": genres[named],
            "count": round(float(counts[true, named]), DECIMALS),
            "share": round(float(share[true, named]), DECIMALS),
        }
        for true, named in ranked[:limit]
    ]


def calibration(rows: pd.DataFrame) -> dict[str, Any]:
    """Tell how confidence and accuracy go together, before and after temperature scaling.

    Returns
    -------
    dict
        ``temperature`` (of each seed), ``temperature_interval`` (of their mean), ``ece_by_chance`` (a mean over seeds),
        ``log_loss_scaled``, and ``bins`` and ``bins_scaled`` (`evaluation.calibration.reliability`, all seeds
        together).
    """
    temperatures, scaled = tempered(rows)
    by_chance = [error_by_chance(arrays_of(own)[1]) for _, own in _test(rows).groupby("seed")]
    labels, probabilities = arrays_of(scaled)
    return {
        "temperature": [round(value, DECIMALS) for value in temperatures.values()],
        "temperature_interval": [round(value, DECIMALS) for value in temperature_interval(rows)],
        "ece_by_chance": round(float(np.mean(by_chance)), DECIMALS),
        "log_loss_scaled": round(metrics_of(labels, probabilities=probabilities)["log_loss"], DECIMALS),
        "bins": _bins(_test(rows)),
        "bins_scaled": _bins(scaled),
    }


def confident_errors(tracks: pd.DataFrame, *, names: pd.DataFrame, limit: int = N_ERRORS) -> list[dict[str, Any]]:
    """List the test tracks that a model misjudges most surely: its worst errors, or the doubtful labels of a corpus.

    Parameters
    ----------
    tracks : DataFrame
        Predictions of tracks; the probabilities of several seeds are averaged.
    names : DataFrame
        ``track_id``, ``artist``, ``title``.

    Returns
    -------
    list of dict
        ``track_id``, ``artist``, ``title``, ``true``, ``predicted``, ``confidence``, ``p_true``; most confident first.
    """
    genres, test = genres_of(tracks), _test(tracks)
    means = test.groupby("track_id")[[f"p_{genre}" for genre in genres]].mean()
    p, true = means.to_numpy(), test.groupby("track_id")["genre"].first()
    labels = true.map(genres.index).to_numpy()
    found = pd.DataFrame(
        {
            "true": true,
            "predicted": [genres[k] for k in p.argmax(axis=1)],
            "confidence": p.max(axis=1).round(DECIMALS),
            "p_true": p[np.arange(len(p)), labels].round(DECIMALS),
        }
    ).reset_index()
    wrong = found[found["true"] != found["predicted"]]
    ranked = wrong.sort_values(["confidence", "track_id"], ascending=[False, True]).head(limit)
    named = ranked.merge(names, on="track_id", how="left", validate="one_to_one")
    columns = ["track_id", "artist", "title", "true", "predicted", "confidence", "p_true"]
    return [dict(zip(columns, row, strict=True)) for row in named[columns].to_numpy(dtype=object).tolist()]


def _test(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["set"] == "test"]


def _counts_by_seed(rows: pd.DataFrame) -> Floats:
    """Return the confusion matrices of the test rows, (S, K, K)."""
    test = _test(rows)
    matrices = []
    for seed in np.unique(test["seed"]).tolist():
        labels, p = arrays_of(test[test["seed"] == seed])
        matrices.append(confusion_counts(labels, predicted=p.argmax(axis=1), n_classes=p.shape[1]))
    return np.stack(matrices).astype(np.float64)


def _bins(rows: pd.DataFrame) -> list[dict[str, Any]]:
    labels, probabilities = arrays_of(rows)
    return [
        {name: round(value, DECIMALS) for name, value in row.items()}
        for row in reliability(labels, probabilities=probabilities)
    ]
