"""What the results allow to say, in sentences that are made of the numbers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fmagc.evaluation.calibration import has_temperature, temperature_words
from fmagc.evaluation.predictions import by_track, genres_of
from fmagc.reporting.figures.robustness import LABELS
from fmagc.reporting.html.elements import Table
from fmagc.reporting.html.text import counted, listed
from fmagc.reporting.leaderboard import Entry, TestSet

__all__ = [
    "calibration_table",
    "calibration_words",
    "clip_table",
    "clip_words",
    "genre_words",
    "hardest",
    "headline",
    "overlap_words",
    "probe_words",
    "unfinished",
]

N_HARDEST = 20
_RULES = {"probabilities": "mean of probabilities", "logits": "mean of logits", "vote": "vote"}
_VIEWS = {"waveform": "waveform", "mel": "spectrogram"}


def headline(entries: Sequence[Entry], test: TestSet) -> Iterator[str]:
    """Sum up a protocol: who judged what, and who came out first."""
    networks = [entry for entry in entries if entry.cards]
    others = counted(len(entries) - len(networks), "baseline")
    yield (
        f"{counted(len(networks), 'network')} and {others} named one of {test.n_genres} genres for "
        f"{counted(test.n_tracks, 'track')} of {counted(test.n_artists, 'artist')}; {test.known:.0%} of these tracks "
        "are by artists who were trained on."
    )
    best = max(entries, key=lambda entry: entry.track["macro_f1"])
    track = best.track
    yield (
        f"The highest macro F1 is {best.model}'s, {track['macro_f1']:.3f} (95 % interval "
        f"{track['macro_f1_low']:.3f} to {track['macro_f1_high']:.3f}), with an accuracy of {track['accuracy']:.3f} "
        f"({track['accuracy_low']:.3f} to {track['accuracy_high']:.3f}); guessing would have {1 / test.n_genres:.3f}."
    )


def genre_words(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Say which genres are found best and worst, by the mean F1 of the networks."""
    rows = [row for table in tables.values() for row in table]
    means = pd.DataFrame(rows).groupby("genre")["f1"].mean().sort_values(ascending=False, kind="stable")
    return (
        f"By the mean F1 of the networks, {means.index[0]} is found best ({means.iloc[0]:.2f}) and {means.index[-1]} "
        f"worst ({means.iloc[-1]:.2f})."
    )


def clip_table(counts: pd.DataFrame) -> Table:
    """Show macro F1, the mean of the networks, by number of clips, set and rule of averaging."""
    means = counts.groupby(["clips", "set", "average"])["macro_f1"].mean()
    columns = [(name, rule) for name in ("val", "test") for rule in _RULES]
    header = (
        "clips a track",
        *(f"{'validation' if name == 'val' else name}: {_RULES[rule]}" for name, rule in columns),
    )
    rows = [
        (str(clips), *(f"{means[clips, name, rule]:.3f}" for name, rule in columns))
        for clips in sorted(counts["clips"].unique())
    ]
    return Table("Macro F1 by clips a track, mean of the networks", header, rows, numbers=len(columns))


def clip_words(counts: pd.DataFrame, *, used: int) -> Iterator[str]:
    """Say what more clips are worth on validation, where choices are made."""
    val = counts[counts["set"] == "val"]
    means = val.groupby(["average", "clips"], sort=False)["macro_f1"].mean().reset_index()
    highest = means["macro_f1"].max()
    best = means[np.isclose(means["macro_f1"], highest, rtol=0, atol=1e-9)]  # rules may well agree on every track
    named = (
        ["any number of clips under any rule"]
        if len(best) == len(means)
        else [
            f"{counted(clips, 'clip')} and the {_RULES[rule]}"
            for rule, clips in best[["average", "clips"]].itertuples(index=False)
        ]
    )
    yield (
        f"On the validation tracks, where such choices belong, the networks' mean macro F1 is highest with "
        f"{listed(named)}: {highest:.3f}."
    )
    own = val[val["average"] == "probabilities"].set_index(["model", "clips"])["macro_f1"].unstack("clips")
    gain = own[used] - own[1]
    if used > 1:
        yield (
            f"This run takes {used} clips and the mean of probabilities: against one clip, that changes macro F1 by "
            f"{gain.mean():+.3f} in the mean ({listed(f'{model} {value:+.3f}' for model, value in gain.items())})."
        )


def overlap_words(track_s: float, *, clip_s: float, clips: Sequence[int]) -> str:
    """Say how much music neighbouring clips of a track share: where it is nearly all, more clips can tell little."""
    shares = {n: max(0.0, 1 - (track_s - clip_s) / (n - 1) / clip_s) for n in clips if n > 1}
    said = listed(f"{share:.0%} with {n}" for n, share in shares.items())
    return (
        f"Half of the tracks last {track_s:.1f} s or less, and a clip {clip_s:.1f} s: of such a track's evenly spaced "
        f"clips, neighbours share {said}."
    )


def probe_words(predictions: pd.DataFrame, encoders: pd.DataFrame) -> Iterator[str]:
    """Say what overturns the predictions of each network most, and how its encoders follow a shift."""
    n_tracks = int(predictions["tracks"].iloc[0])
    means = predictions.groupby(["model", "transform", "strength"], sort=False)["flipped"].mean()
    for model, own in means.groupby("model", sort=False):
        worst = own[own == own.max()].index
        named = listed(LABELS[transform].format(strength) for _, transform, strength in worst)
        yield (
            f"{model}: no change of these overturns a prediction."
            if own.max() == 0
            else f"{model}: {named} overturns the most predictions, {own.max():.0%} of {n_tracks} tracks; in the mean "
            f"of all changes it is {own.mean():.0%}."
        )
    steps = encoders.assign(whole=encoders["steps"] % 1 == 0)
    for view, shifts in steps.groupby("view", sort=False):
        whole, half = shifts[shifts["whole"]], shifts[~shifts["whole"]]
        said = []
        if len(whole):
            said.append(
                f"after whole steps their output has moved along with the music (relative error "
                f"{whole['equivariance'].mean():.2g}), and differs from that of the unmoved music by "
                f"{whole['invariance'].mean():.2g}"
            )
        if len(half):
            said.append(
                f"between steps the two errors are {half['equivariance'].mean():.2g} and "
                f"{half['invariance'].mean():.2g}"
            )
        yield f"Encoders of the {_VIEWS[str(view)]}: {'; '.join(said)}."


def calibration_table(entries: Sequence[Entry], details: Mapping[str, Mapping[str, Any]]) -> Table:
    """Show how far confidence and accuracy lie apart, before and after temperature scaling."""
    header = ("model", "ECE", "by chance", "ECE, scaled", "temperature [95 %]", "log loss", "log loss, scaled")
    rows = [
        (
            entry.model,
            f"{entry.track['ece']:.3f}",
            f"{details[entry.model]['ece_by_chance']:.3f}",
            f"{entry.track['ece_scaled']:.3f}",
            temperature_words(details[entry.model]),
            f"{entry.track['log_loss']:.3f}",
            f"{details[entry.model]['log_loss_scaled']:.3f}",
        )
        for entry in entries
    ]
    return Table("Calibration on the test tracks", header, rows, numbers=6)


def calibration_words(details: Mapping[str, Mapping[str, Any]]) -> str:
    """Say which models were too sure, and which not sure enough, beyond what other artists might change."""
    bounds = {model: own["temperature_interval"] for model, own in details.items() if has_temperature(own)}
    told = {
        "too sure": [model for model, (low, _) in bounds.items() if low > 1],
        "not sure enough": [model for model, (_, high) in bounds.items() if high < 1],
    }
    said = [f"{listed(names)} {'was' if len(names) == 1 else 'were'} {what}" for what, names in told.items() if names]
    untold = [model for model in details if not any(model in names for names in told.values())]
    said += [f"of {listed(untold)} it cannot be told"] if untold else []
    return f"By the temperatures that suit the validation tracks, and their intervals, {'; '.join(said)}."


def unfinished(entries: Sequence[Entry]) -> str:
    """Name the networks that were still getting better when the epochs ran out; empty if there is none."""
    named = dict.fromkeys(
        entry.model for entry in entries for card in entry.cards if card["best_epoch"] == card["train"]["epochs"]
    )
    if not named:
        return ""
    return (
        f"The validation loss was lowest in the last epoch allowed: {listed(named)}. More epochs might have made "
        f"{'it' if len(named) == 1 else 'them'} better."
    )


def hardest(predictions: Mapping[str, pd.DataFrame], names: pd.DataFrame) -> tuple[Table, str]:
    """List the test tracks to whose label the networks give least, and count those that all or none get right.

    Parameters
    ----------
    predictions : mapping of str to DataFrame
        Network to its table of predictions, all of one protocol.
    names : DataFrame
        As `corpus.index.read_names`.
    """
    judged = {model: _of_tracks(table) for model, table in predictions.items()}
    p_true = pd.DataFrame({model: own["p_true"] for model, own in judged.items()})
    named = pd.DataFrame({model: own["predicted"] for model, own in judged.items()})
    genre = next(iter(judged.values()))["genre"]
    right = named.eq(genre, axis=0).sum(axis=1)
    order = p_true.mean(axis=1).sort_values(kind="stable").index[:N_HARDEST]
    known = names.set_index("track_id")
    header = ("track", "artist", "title", "label", "taken for", "right", "probability of the label")
    rows = [
        (
            str(track_id),
            str(known.loc[track_id, "artist"]),
            str(known.loc[track_id, "title"]),
            str(genre[track_id]),
            _taken_for(named.loc[track_id], label=str(genre[track_id])),
            f"{right[track_id]} of {len(judged)}",
            f"{p_true.loc[track_id].mean():.3f}",
        )
        for track_id in order
    ]
    words = (
        f"Of {counted(len(genre), 'test track')}, every network is right about {int((right == len(judged)).sum()):,}, "
        f"and none about {int((right == 0).sum()):,}."
    )
    return Table("Hardest test tracks", header, rows, numbers=2), words


def _of_tracks(predictions: pd.DataFrame) -> pd.DataFrame:
    """Average over seeds: ``genre``, ``predicted``, ``p_true``, by track."""
    tracks = by_track(predictions[predictions["set"] == "test"])
    genres = genres_of(tracks)
    p = tracks.groupby("track_id")[[f"p_{genre}" for genre in genres]].mean()
    true = tracks.groupby("track_id")["genre"].first()
    places = true.map(genres.index).to_numpy()
    return pd.DataFrame(
        {
            "genre": true,
            "predicted": [genres[place] for place in p.to_numpy().argmax(axis=1)],
            "p_true": p.to_numpy()[np.arange(len(p)), places],
        }
    )


def _taken_for(named: pd.Series, *, label: str) -> str:
    """Count the wrong genres that networks named, the commonest first."""
    wrong = named[named != label].value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
    return ", ".join(f"{genre} ({n})" for genre, n in wrong.items()) or "-"
