"""Report in Markdown which differences between models and between protocols are significant."""

from collections.abc import Sequence

from fmagc.evaluation.protocol_gap import Gap
from fmagc.evaluation.significance import Pair
from fmagc.reporting.markdown import table

__all__ = ["PAIRS_LEGEND", "gap_lines", "pair_lines"]

ALPHA = 0.05

PAIRS_LEGEND = (
    "The significance of a difference is tested with a paired bootstrap of {metric}: both models are scored on the "
    "same resampled artists (and seeds). The intervals are widened until those of all pairs hold at once with 95 % "
    "probability (max-t), so that many pairs do not produce a significant difference by chance; so are the intervals "
    "of gaps between protocols, for all models. McNemar's exact test compares {right}; its p-values are adjusted for"
    " the number of pairs (Holm) and, where there are several seeds, combined over them (Rueger). It treats the "
    "tracks of an artist as independent, which makes its p-values too small: where the two disagree, trust the "
    "bootstrap. Without a significant difference two models are not shown to be equal: more test artists or more "
    "seeds might show a difference."
)


def pair_lines(pairs: Sequence[Pair], *, metric: str) -> list[str]:
    """List which pairs of models differ significantly in a metric and which do not, with a table of the numbers."""
    if not pairs:
        return ["Nothing to compare: one model, or one test artist."]
    undecided = [pair for pair in pairs if not pair.significant]
    decided = [pair for pair in pairs if pair.significant]
    lines = []
    if undecided:
        lines += [f"**No significant difference**, whatever the order in the table: {_grouped(undecided, 'vs')}.", ""]
    if decided:
        lines += [f"**Significantly better**, all at once with 95 % confidence: {_grouped(decided, 'than')}.", ""]
    lines += [_second_opinion(pairs), ""]
    rows = [
        (
            f"{pair.better} - {pair.worse}",
            f"{pair.difference:+.3f} [{pair.low:+.3f}, {pair.high:+.3f}]",
            "yes" if pair.significant else "no",
            " : ".join(f"{n:.4g}" for n in pair.n_discordant),
            f"{pair.p:.3f}" if pair.p >= 0.001 else "< 0.001",
        )
        for pair in pairs
    ]
    header = (
        "pair",
        f"difference of {metric} [95 %]",
        "significant",
        "tracks only one predicts correctly",
        "McNemar's p, adjusted",
    )
    return [*lines, table(header, rows, numbers=len(header) - 1)]


def gap_lines(gaps: Sequence[Gap], *, base: str, other: str) -> list[str]:
    """Show the scores of each model under two protocols, and name the models whose gap is significant."""
    metrics = list(dict.fromkeys(gap.metric for gap in gaps))
    header = ["model"]
    for metric in metrics:
        header += [f"{metric}, {base}", f"{metric}, {other}", "gap [95 %]"]
    rows = []
    for model in dict.fromkeys(gap.model for gap in gaps):
        own = [gap for gap in gaps if gap.model == model]
        cells = [
            cell
            for gap in own
            for cell in (
                f"{gap.base:.3f}",
                f"{gap.other:.3f}",
                f"{gap.difference:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]",
            )
        ]
        rows.append((model, *cells))
    lines = [table(header, rows, numbers=len(header) - 1)]
    for metric in metrics:
        higher = [gap.model for gap in gaps if gap.metric == metric and gap.low > 0]
        lower = [gap.model for gap in gaps if gap.metric == metric and gap.high < 0]
        parts = [
            f"{_join(names)} significantly {word}" for names, word in ((higher, "higher"), (lower, "lower")) if names
        ]
        lines += ["", f"{metric} under `{other}`: {'; '.join(parts) or 'no significant difference'}."]
    return lines


def _second_opinion(pairs: Sequence[Pair]) -> str:
    """List the pairs on which McNemar's test disagrees."""
    only = [f"{pair.better} and {pair.worse}" for pair in pairs if not pair.significant and pair.p < ALPHA]
    not_here = [f"{pair.better} and {pair.worse}" for pair in pairs if pair.significant and pair.p >= ALPHA]
    parts = [
        f"finds {what} difference between {'; '.join(names)}"
        for what, names in (("a significant", only), ("no significant", not_here))
        if names
    ]
    return f"McNemar's test on tracks {' and '.join(parts) or 'agrees on every pair'}."


def _grouped(pairs: Sequence[Pair], word: str) -> str:
    groups: dict[str, list[str]] = {}
    for pair in pairs:
        groups.setdefault(pair.better, []).append(pair.worse)
    return "; ".join(f"{better} {word} {_join(worse)}" for better, worse in groups.items())


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
