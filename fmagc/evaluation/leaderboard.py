"""metrics/leaderboard.md: all models and baselines side by side, with what can and what cannot be concluded."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import pandas as pd

from fmagc.errors import DataError
from fmagc.evaluation.predictions import genres_of

__all__ = ["Context", "Entry", "HeldOut", "leaderboard_markdown"]

_HEADER = (
    "model",
    "accuracy [95 %]",
    "macro_f1 [95 %]",
    "seed_f1",
    "top3",
    "log_loss",
    "accuracy by clip",
    "macro_f1 by clip",
    "parameters",
    "best epoch",
)


_LEGEND = (
    "Numbers are of tracks (the probabilities of a track's clips averaged) unless they say by clip. In brackets: the "
    "95 % interval of a bootstrap over the test artists. ±: standard deviation over seeds of training, where there are "
    "several; the numbers are then means over seeds. seed_f1 is 2PR/(P+R) of macro precision and recall, the reference "
    "work's F1; log_loss is in nats. The best epoch is the one whose weights were kept, counted from 1, one for each "
    "seed."
)


@dataclass(frozen=True)
class Entry:
    """A model or a baseline under one protocol.

    Attributes
    ----------
    protocol, model : str
    track, clip : mapping of str to float
        The two results of `fmagc.evaluation.summary.summarise`.
    cards : sequence of mappings
        A network's cards, one for each seed, of which the keys `parameters` and `best_epoch` are shown; none for a
        baseline.
    """

    protocol: str
    model: str
    track: Mapping[str, float]
    clip: Mapping[str, float]
    cards: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class HeldOut:
    """What a protocol's models were tested on."""

    n_tracks: int
    n_artists: int
    genres: Mapping[str, int]  # test tracks of each genre

    @classmethod
    def from_predictions(cls, table: pd.DataFrame) -> Self:
        """Count the test tracks of a table of predictions; all models of a protocol have the same."""
        test = table[table["set"] == "test"].drop_duplicates("track_id")
        genres = {genre: int((test["genre"] == genre).sum()) for genre in genres_of(table)}
        return cls(n_tracks=len(test), n_artists=int(test["artist_id"].nunique()), genres=genres)


@dataclass(frozen=True)
class Context:
    """What the numbers are about.

    Attributes
    ----------
    corpus : str
        `dataset.name`.
    test_sets : mapping of str to HeldOut
        For each protocol.
    note : str
        What a reader must know first; empty for none.
    """

    corpus: str
    test_sets: Mapping[str, HeldOut]
    note: str = ""


def leaderboard_markdown(entries: Iterable[Entry], *, context: Context) -> str:
    """Write a table for each protocol, sorted by macro-F1 at track level, and say what it does not show.

    Raises
    ------
    DataError
        When there is no entry, an entry lacks a metric or a card lacks a key, or a protocol has no test set.
    """
    by_protocol: dict[str, list[Entry]] = {}
    for entry in entries:
        by_protocol.setdefault(entry.protocol, []).append(entry)
    if not by_protocol:
        raise DataError("leaderboard: expected metrics of at least one model, found none. Run `dvc repro`.")
    lines = [f"# Leaderboard: {context.corpus}", ""]
    if context.note:
        lines += [f"> **{context.note}**", ""]
    for protocol, group in by_protocol.items():
        if protocol not in context.test_sets:
            known = ", ".join(context.test_sets) or "none"
            raise DataError(f"leaderboard: expected a test set for the protocol {protocol}, found {known}.")
        ranked = sorted(group, key=lambda entry: (-_value(entry, "macro_f1"), entry.model))
        lines += [f"## Protocol `{protocol}`", "", _describe(context.test_sets[protocol]), ""]
        lines += [*_table(ranked), "", *_conclusions(ranked), ""]
    lines += [_LEGEND, ""]
    return "\n".join(lines)


def _describe(test: HeldOut) -> str:
    genre, n_most = max(test.genres.items(), key=lambda item: item[1])
    share, n_genres = n_most / test.n_tracks, len(test.genres)
    n_present = sum(n > 0 for n in test.genres.values())
    majority_f1 = 2 * share / (1 + share) / n_present  # recall 1 and precision `share` on one genre, 0 on the others
    return (
        f"{test.n_tracks:,} test tracks of {test.n_artists:,} artists in {n_genres} genres. By chance: accuracy "
        f"{1 / n_genres:.3f}. Always naming the commonest genre ({genre}): accuracy {share:.3f}, macro_f1 "
        f"{majority_f1:.3f}."
    )


def _table(ranked: Sequence[Entry]) -> list[str]:
    rows = [
        (
            entry.model,
            *(_with_interval(entry, name) for name in ("accuracy", "macro_f1")),
            *(f"{_value(entry, name):.3f}" for name in ("seed_f1", "top3", "log_loss")),
            *(f"{_value(entry, name, level='clip'):.3f}" for name in ("accuracy", "macro_f1")),
            _shown(entry, "parameters"),
            _shown(entry, "best_epoch"),
        )
        for entry in ranked
    ]
    align = ["---", *["---:"] * (len(_HEADER) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (_HEADER, align, *rows)]


def _conclusions(ranked: Sequence[Entry]) -> list[str]:
    """Say for each model which lower ones its interval meets, and which it stays clear of."""
    if len(ranked) == 1:
        return ["One model alone: nothing to compare."]
    overlapping, clear = [], []
    for place, entry in enumerate(ranked[:-1]):
        met = [other.model for other in ranked[place + 1 :] if _overlap(entry, other)]
        left = [other.model for other in ranked[place + 1 :] if other.model not in met]
        overlapping += [f"{entry.model} with {_join(met)}"] if met else []
        clear += [f"{entry.model} above {_join(left)}"] if left else []
    lines = []
    if overlapping:
        lines.append(
            f"**Intervals overlap** (macro_f1): {'; '.join(overlapping)}. By these intervals they cannot be told "
            "apart, whatever their order in the table."
        )
    if clear:
        lines.append(f"Intervals do not overlap: {'; '.join(clear)}.")
    lines.append(
        "Overlap is a cautious reading: it ignores that all were tested on the same tracks, so models whose intervals "
        "overlap need not be equally good."
    )
    return [line for text in lines for line in (text, "")][:-1]


def _overlap(one: Entry, other: Entry) -> bool:
    higher_low = max(_value(one, "macro_f1_low"), _value(other, "macro_f1_low"))
    return higher_low <= min(_value(one, "macro_f1_high"), _value(other, "macro_f1_high"))


def _with_interval(entry: Entry, name: str) -> str:
    spread = entry.track.get(f"{name}_std")
    deviation = "" if spread is None else f" ± {spread:.3f}"
    low, high = _value(entry, f"{name}_low"), _value(entry, f"{name}_high")
    return f"{_value(entry, name):.3f}{deviation} [{low:.3f}, {high:.3f}]"


def _shown(entry: Entry, key: str) -> str:
    for card in entry.cards:
        if key not in card:
            raise DataError(f"card of {entry.protocol}/{entry.model}: expected the key {key}, found {', '.join(card)}.")
    values = [f"{card[key]:,}" for card in entry.cards]
    if key == "parameters":  # the same for every seed
        values = sorted(set(values))
    return ", ".join(values) or "-"


def _value(entry: Entry, name: str, *, level: str = "track") -> float:
    metrics = entry.track if level == "track" else entry.clip
    if name not in metrics:
        raise DataError(
            f"metrics of {entry.protocol}/{entry.model} by {level}: expected the key {name}, "
            f"found {', '.join(metrics) or 'none'}. Run `dvc repro`."
        )
    return metrics[name]


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
