"""metrics/leaderboard.md: all models and baselines side by side, with the conclusions that the numbers allow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fmagc.errors import DataError, format_list
from fmagc.evaluation.protocol_gap import Gap
from fmagc.evaluation.share_curve import ShareCurve
from fmagc.evaluation.significance import Pair
from fmagc.reporting.conclusions import PAIRS_LEGEND, gap_lines, pair_lines
from fmagc.reporting.entries import Entry, TestSet
from fmagc.reporting.markdown import escaped, table
from fmagc.reporting.metric_text import metric_text
from fmagc.reporting.presentation.base import Presentation
from fmagc.reporting.presentation.registry import PRESENTATIONS
from fmagc.reporting.share_words import SHARES_LEGEND, share_lines, shares_title

__all__ = ["Context", "leaderboard_markdown"]

_LEGEND = (
    "Numbers are of tracks (the mean of the probabilities of a track's clips) unless the column says by clip. In "
    "brackets: 95 % intervals of a bootstrap over the test artists and, where there are several, over the training "
    "seeds; the numbers are then means over seeds, followed by ± and their standard deviation. A baseline has no "
    "seed. {of_the_task} The best epoch, counted from 1 and given for each seed, is the one whose weights were kept. "
    "With few test artists the intervals are too narrow: below about twenty artists, they hold the true value less "
    "often than 95 % of the time."
)
_ENOUGH_ARTISTS = 20  # for a bootstrap over artists
_FEW_ARTISTS = (
    "**{} test artists are few.** Below about twenty, intervals are too narrow and too many differences significant."
)

_ENCODERS_LEGEND = (
    "a logistic regression on the mean vector that a frozen encoder gives for a track. It predicts whole tracks, and "
    "has no numbers by clip. What it was trained on is not known here; the test tracks may be among it."
)


@dataclass(frozen=True)
class Context:
    """The corpus, the test sets and the comparisons that the leaderboard reports.

    Attributes
    ----------
    corpus : str
        `dataset.name`.
    test_sets : mapping of str to TestSet
        For each protocol.
    pairs : mapping of str to sequence of Pair
        For each protocol.
    base : str
        The protocol that others are compared with.
    gaps : mapping of str to sequence of Gap
        For each other protocol.
    curves : mapping of str to ShareCurve
        For each protocol whose models were also trained on shares of the training set.
    note : str
        A warning at the top of the page; empty for none.
    """

    corpus: str
    test_sets: Mapping[str, TestSet]
    pairs: Mapping[str, Sequence[Pair]]
    base: str
    gaps: Mapping[str, Sequence[Gap]]
    curves: Mapping[str, ShareCurve] = field(default_factory=dict)
    note: str = ""


def leaderboard_markdown(entries: Iterable[Entry], *, context: Context) -> str:
    """Write a table for each protocol, sorted by the task's headline for tracks, and the comparisons of its models.

    Raises
    ------
    DataError
        When there is no entry, an entry lacks a metric or a card lacks a key, or a protocol has no test set.
    """
    by_protocol: dict[str, list[Entry]] = {}
    for entry in entries:
        by_protocol.setdefault(entry.protocol, []).append(entry)
    encoders = sorted({entry.model for group in by_protocol.values() for entry in group if entry.stage == "probe"})
    if not by_protocol:
        raise DataError("leaderboard: expected metrics of at least one model, found none. Run `dvc repro`.")
    lines = [f"# Leaderboard: {context.corpus}", ""]
    if context.note:
        lines += [f"> **{context.note}**", ""]
    for protocol, group in by_protocol.items():
        if protocol not in context.test_sets:
            known = ", ".join(context.test_sets) or "none"
            raise DataError(f"leaderboard: expected a test set for the protocol {protocol}, found {known}.")
        test_set = context.test_sets[protocol]
        presentation = PRESENTATIONS[test_set.task]
        ranked = sorted(group, key=lambda entry: (-_value(entry, presentation.headline), entry.model))
        lines += [f"## Protocol `{protocol}`", "", _describe(test_set, presentation), ""]
        for block in (_table(ranked, presentation), *presentation.further_tables(ranked)):
            lines += [block, ""]
        if test_set.n_artists < _ENOUGH_ARTISTS:
            lines += [_FEW_ARTISTS.format(test_set.n_artists), ""]
        lines += [*pair_lines(context.pairs[protocol], metric=presentation.headline), ""]
    for protocol, curve in context.curves.items():
        lines += [f"## {shares_title(protocol)}", "", *share_lines(curve), ""]
    base = context.test_sets.get(context.base)
    for protocol, gaps in context.gaps.items():
        other = context.test_sets[protocol]
        lines += [f"## `{protocol}` against `{context.base}`", ""]
        lines += [*gap_lines(gaps, base=context.base, other=protocol), ""]
        if base:
            lines += _other_causes(context.base, base, protocol, other)
    lines += ["## How to read it", "", _LEGEND.format(of_the_task=presentation.legend), ""]
    lines += [PAIRS_LEGEND.format(metric=presentation.headline, right=presentation.right), ""]
    lines += [SHARES_LEGEND, ""] if context.curves else []
    if encoders:
        lines += [f"{', '.join(encoders)}: {_ENCODERS_LEGEND}", ""]
    return "\n".join(lines)


def _describe(test: TestSet, presentation: Presentation) -> str:
    files = f" {test.files_shared:,} files occur in more than one set, byte for byte." if test.files_shared else ""
    rejected = f" (of {test.n_listed:,} listed)" if test.n_listed > test.n_training else ""
    untested = test.n_genres - len(test.tested)
    absent = f" ({untested} of them without a test track)" if untested else ""
    lost = [escaped(genre) for genre in test.unlearnt]
    unlearnt = f" **No training track of {format_list(lost)} could be decoded:** nothing can learn it." if lost else ""
    return (
        f"{test.n_tracks:,} test tracks by {test.n_artists:,} artists in {test.n_genres} genres{absent}; "
        f"{test.n_training:,} training tracks{rejected}. **{test.known:.0%} of the test tracks are by artists in the "
        f"training set.**{files}{unlearnt} {presentation.chance_text(test)}"
    )


def _other_causes(base_name: str, base: TestSet, other_name: str, other: TestSet) -> list[str]:
    """Tell what two protocols differ in beside the artists."""
    causes = []
    if base.n_training != other.n_training:
        causes += [f"`{other_name}` trains on {other.n_training:,} tracks, `{base_name}` on {base.n_training:,}"]
    if base.tested != other.tested:
        causes += [
            f"`{other_name}` tests {len(other.tested)} genres, `{base_name}` {len(base.tested)}, and only "
            f"{len(base.tested & other.tested)} are the same, so that macro means are over different "
            "genres, and so is what guessing scores"
        ]
    return [f"Not all of a gap need be due to the artists: {'; '.join(causes)}.", ""] if causes else []


def _table(ranked: Sequence[Entry], presentation: Presentation) -> str:
    header = (
        "model",
        *(f"{name} [95 %]" for name in presentation.resampled),
        *presentation.others,
        *(f"{name} by clip" for name in presentation.resampled),
        "parameters",
        "best epoch",
    )
    rows = [
        (
            entry.model,
            *(_with_interval(entry, name) for name in presentation.resampled),
            *(f"{_value(entry, name):.3f}" for name in presentation.others),
            *(_by_clip(entry, name) for name in presentation.resampled),
            _shown(entry, "parameters"),
            _shown(entry, "best_epoch"),
        )
        for entry in ranked
    ]
    return table(header, rows, numbers=len(header) - 1)


def _with_interval(entry: Entry, name: str) -> str:
    for key in (name, f"{name}_low", f"{name}_high"):
        _value(entry, key)  # or raise
    return metric_text(entry.track, name)


def _by_clip(entry: Entry, name: str) -> str:
    return "-" if entry.stage == "probe" else f"{_value(entry, name, level='clip'):.3f}"


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
