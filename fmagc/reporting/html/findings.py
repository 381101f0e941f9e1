"""Sentences and tables of the page that are made of the results."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fmagc.evaluation.calibration import has_temperature, temperature_text
from fmagc.evaluation.predictions import Predictions
from fmagc.reporting.entries import Entry, TestSet
from fmagc.reporting.figures.robustness import LABELS
from fmagc.reporting.html.elements import Table
from fmagc.reporting.labels import MEASURES
from fmagc.reporting.presentation.base import Presentation
from fmagc.reporting.presentation.page_words import PageWords
from fmagc.reporting.text import capitalised, counted, listed, with_article

__all__ = [
    "calibration_table",
    "calibration_text",
    "clip_table",
    "clip_text",
    "hardest",
    "headline",
    "overlap_text",
    "robustness_text",
    "unfinished",
]

N_HARDEST = 20
_RULES = {"probabilities": "mean of probabilities", "logits": "mean of logits", "vote": "vote"}
_VIEWS = {"waveform": "waveform", "mel": "spectrogram"}


def headline(entries: Sequence[Entry], test: TestSet, *, presentation: Presentation) -> Iterator[str]:
    """Summarise a protocol: what was predicted, which model is best, and what guessing scores."""
    networks = [entry for entry in entries if entry.cards]
    others = counted(len(entries) - len(networks), "baseline")
    aim = presentation.page.aim.format(
        genres=test.n_genres, tracks=counted(test.n_tracks, "track"), artists=counted(test.n_artists, "artist")
    )
    yield (
        f"{counted(len(networks), 'network')} and {others} {aim}; {test.known:.0%} of these tracks are by artists in "
        "the training set."
    )
    first = presentation.headline
    best = max(entries, key=lambda entry: entry.track[first])
    further = [name for name in presentation.resampled if name != first]
    scores = [
        f"{best.track[name]:.3f} ({before}{best.track[f'{name}_low']:.3f} to {best.track[f'{name}_high']:.3f})"
        for name, before in ((first, "95 % interval "), *((name, "") for name in further))
    ]
    also = listed(f"{with_article(MEASURES[name])} of {score}" for name, score in zip(further, scores[1:], strict=True))
    chance = presentation.chance(test)
    guessing = dict.fromkeys(f"{chance[name]:.3f}" for name in (first, *further))
    yield (
        f"{best.model} has the highest {MEASURES[first]}, {scores[0]}, with {also}; guessing has {listed(guessing)}."
    )


def clip_table(counts: pd.DataFrame, *, measure: str) -> Table:
    """Tabulate a measure, the mean of the networks that see clips of one length, by music seen, set and rule."""
    columns = [(name, rule) for name in ("val", "test") for rule in _RULES if rule in set(counts["average"])]
    header = (
        "seconds per track",
        "clips",
        *(f"{'validation' if name == 'val' else name}: {_RULES[rule]}" for name, rule in columns),
    )
    rows = []
    for clip_s, own in _by_length(counts):
        means = own.groupby(["clips", "set", "average"])[measure].mean()
        rows += [
            (
                f"{clips * clip_s:.1f}",
                f"{clips} of {clip_s:.1f} s",
                *(f"{means[clips, name, rule]:.3f}" for name, rule in columns),
            )
            for clips in sorted(own["clips"].unique())
        ]
    name = f"{capitalised(MEASURES[measure])} by seconds of music per track, mean of the networks"
    return Table(name, header, rows, numbers=len(columns))


def clip_text(counts: pd.DataFrame, *, measure: str, used: int, patched: Collection[str]) -> Iterator[str]:
    """Describe the gain of more music seen, on the validation tracks, on which the choice is made.

    Parameters
    ----------
    counts : pd.DataFrame
        As `evaluation.clips_per_track.count_table`, of one protocol and any number of models.
    measure : str
        The column by which they are compared.
    used : int
        Clips by which the networks without a patch are evaluated.
    patched : collection of str
        The networks that cover a track with patches instead.
    """
    val, parts = counts[counts["set"] == "val"], []
    for clip_s, own in _by_length(val):
        means = own.groupby(["average", "clips"], sort=False)[measure].mean().reset_index()
        highest = means[measure].max()
        best = means[np.isclose(means[measure], highest, rtol=0, atol=1e-9)]  # rules may well agree on every track
        named = (
            ["any number of clips under any rule"]
            if len(best) == len(means)
            else [
                f"{counted(clips, 'clip')} ({clips * clip_s:.1f} s) and the {_RULES[rule]}"
                for rule, clips in best[["average", "clips"]].itertuples(index=False)
            ]
        )
        parts.append(f"{clip_s:.1f} s at once is highest with {listed(named)}, {highest:.3f}")
    yield (
        "On the validation tracks, on which such a choice must be made, the mean "
        f"{MEASURES[measure]} of the networks that see {'; of those that see '.join(parts)}."
    )
    whole = val[(val["average"] == "probabilities") & ~val["model"].isin(patched)]
    scores = whole.set_index(["model", "clips"])[measure].unstack("clips")
    if used > 1 and len(scores):
        gain = scores[used] - scores[1]
        by_model = listed(f"{model} {value:+.3f}" for model, value in gain.items())
        yield (
            f"This run uses {used} clips and the mean of probabilities. Compared with one clip, that changes "
            f"{MEASURES[measure]} by {gain.mean():+.3f} on average ({by_model})."
        )
    if patched:
        yield f"Tracks are covered with patches from end to end for {listed(patched)}."


def overlap_text(counts: pd.DataFrame, *, track_s: float) -> str:
    """Compute how much neighbouring clips of a track overlap: where they hardly differ, more clips add little."""
    parts = []
    for clip_s, own in _by_length(counts):
        shares = {n: 1 - (track_s - clip_s) / (n - 1) / clip_s for n in sorted(own["clips"].unique()) if n > 1}
        shared = [f"{share:.0%} with {n}" for n, share in shares.items() if share > 0]
        parts.append(f"of {clip_s:.1f} s {f'by {listed(shared)}' if shared else 'not at all'}")
    return (
        f"Half of the tracks last {track_s:.1f} s or less. Neighbouring clips of a track of that length, evenly "
        f"spaced, overlap: those {listed(parts)}."
    )


def _by_length(counts: pd.DataFrame) -> list[tuple[float, pd.DataFrame]]:
    """Split a table of clip counts by the length of a clip in seconds, the longest first."""
    lengths = (counts["seconds"] / counts["clips"]).round(4)
    return [(clip_s, counts[lengths == clip_s]) for clip_s in sorted(lengths.unique(), reverse=True)]


def robustness_text(predictions: pd.DataFrame, encoders: pd.DataFrame) -> Iterator[str]:
    """Name the transformation that changes most predictions of each network, the errors of encoders, and the gaps."""
    changes, errors = (table[table["tracks"] > 0] for table in (predictions, encoders))
    tracks = counted(int(predictions["tracks"].max()), "track")
    means = changes.groupby(["model", "transform", "strength"], sort=False)["flipped"].mean()
    for model, own in means.groupby("model", sort=False):
        worst = own[own == own.max()].index
        named = listed(LABELS[transform].format(strength) for _, transform, strength in worst)
        yield (
            f"{model}: no transformation changes a prediction."
            if own.max() == 0
            else f"{model}: {named} changes most predictions, {own.max():.0%} of {tracks}; on average over "
            f"all transformations it is {own.mean():.0%}."
        )
    steps = errors.assign(whole=errors["steps"] % 1 == 0)
    for view, shifts in steps.groupby("view", sort=False):
        whole, half = shifts[shifts["whole"]], shifts[~shifts["whole"]]
        parts = []
        if len(whole):
            parts.append(
                f"after a shift by whole steps, their output has shifted with the music (relative error "
                f"{whole['equivariance'].mean():.2g}), and differs from that of the unshifted music by "
                f"{whole['invariance'].mean():.2g}"
            )
        if len(half):
            parts.append(
                f"after a shift by half steps, the two errors are {half['equivariance'].mean():.2g} and "
                f"{half['invariance'].mean():.2g}"
            )
        yield f"Encoders of the {_VIEWS[str(view)]}: {'; '.join(parts)}."
    if left_out := [*_left_out(predictions, encoders)]:
        yield f"Most test tracks are too short for these, which are not measured: {'; '.join(left_out)}."


def _left_out(predictions: pd.DataFrame, encoders: pd.DataFrame) -> Iterator[str]:
    """Name what has no tracks."""
    missed = predictions.loc[predictions["tracks"] == 0, ["transform", "strength"]].drop_duplicates()
    for transform, strength in missed.itertuples(index=False, name=None):
        yield LABELS[transform].format(strength)
    if steps := [f"{step:g}" for step in encoders.loc[encoders["tracks"] == 0, "steps"].unique()]:
        yield f"encoders after shifts by {listed(steps)} steps of their output"


def calibration_table(entries: Sequence[Entry], details: Mapping[str, Mapping[str, Any]]) -> Table:
    """Tabulate the calibration error before and after temperature scaling."""
    header = ("model", "ECE", "by chance", "ECE, scaled", "temperature [95 %]", "log loss", "log loss, scaled")
    rows = [
        (
            entry.model,
            f"{entry.track['ece']:.3f}",
            f"{details[entry.model]['ece_by_chance']:.3f}",
            f"{entry.track['ece_scaled']:.3f}",
            temperature_text(details[entry.model]),
            f"{entry.track['log_loss']:.3f}",
            f"{details[entry.model]['log_loss_scaled']:.3f}",
        )
        for entry in entries
    ]
    return Table("Calibration on the test tracks", header, rows, numbers=6)


def calibration_text(details: Mapping[str, Mapping[str, Any]]) -> str:
    """Name the models that are significantly over- or underconfident."""
    bounds = {model: own["temperature_interval"] for model, own in details.items() if has_temperature(own)}
    groups = {
        "overconfident": [model for model, (low, _) in bounds.items() if low > 1],
        "underconfident": [model for model, (_, high) in bounds.items() if high < 1],
    }
    parts = [f"{listed(names)} {'is' if len(names) == 1 else 'are'} {what}" for what, names in groups.items() if names]
    undecided = [model for model in details if not any(model in names for names in groups.values())]
    parts += [f"for {listed(undecided)} the data do not decide"] if undecided else []
    return f"By the temperatures fitted to the validation tracks, and their intervals, {'; '.join(parts)}."


def unfinished(entries: Sequence[Entry]) -> str:
    """Name the networks that were still improving when the epochs ran out; empty if there is none.

    A learning rate that falls along a cosine is meant to end in the last epoch.
    """
    named = dict.fromkeys(
        entry.model
        for entry in entries
        for card in entry.cards
        if card["best_epoch"] == card["train"]["epochs"] and card["train"]["schedule"] == "constant"
    )
    if not named:
        return ""
    return (
        f"The validation loss was lowest in the last epoch allowed: {listed(named)}. More epochs might improve "
        f"{'it' if len(named) == 1 else 'them'}."
    )


def hardest(predictions: Mapping[str, Predictions], *, names: pd.DataFrame, words: PageWords) -> tuple[Table, str]:
    """List the test tracks whose label gets the lowest probability, and count those that all or no networks get right.

    Parameters
    ----------
    predictions : mapping of str to Predictions
        Of the clips, by network, all of one protocol.
    names : pd.DataFrame
        As `corpus.index.read_names` gives them.
    words : PageWords
        Of the task.

    Returns
    -------
    table : Table
        The hardest tracks.
    text : str
        The counts, in a sentence.
    """
    by_model = {model: own.tracks.test.mean_of_seeds() for model, own in predictions.items()}
    p_true = pd.DataFrame({model: own["p_true"] for model, own in by_model.items()})
    predicted = pd.DataFrame({model: own["predicted"] for model, own in by_model.items()})
    right = pd.DataFrame({model: own["correct"] for model, own in by_model.items()})
    genre, correct = next(iter(by_model.values()))["genre"], right.sum(axis=1)
    order = p_true.mean(axis=1).sort_values(kind="stable").index[:N_HARDEST]
    known = names.set_index("track_id")
    label, probability = words.hardest_columns
    header = ("track", "artist", "title", label, "predicted as", "correct", probability)
    rows = [
        (
            str(track_id),
            str(known.loc[track_id, "artist"]),
            str(known.loc[track_id, "title"]),
            str(genre[track_id]),
            _counted_genres(predicted.loc[track_id, ~right.loc[track_id]]),
            f"{correct[track_id]} of {len(by_model)}",
            f"{p_true.loc[track_id].mean():.3f}",
        )
        for track_id in order
    ]
    text = words.hardest_text.format(
        tracks=counted(len(genre), "test track"), all=(correct == len(by_model)).sum(), none=(correct == 0).sum()
    )
    return Table("Hardest test tracks", header, rows, numbers=2), text


def _counted_genres(predicted: pd.Series) -> str:
    """Count the genres that networks predict, the most frequent first."""
    counts = predicted.value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
    return ", ".join(f"{genre} ({n})" for genre, n in counts.items()) or "-"
