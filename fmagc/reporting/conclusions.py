"""What pairs of models and pairs of protocols allow to conclude, in words and in Markdown."""

from collections.abc import Sequence

from fmagc.evaluation.protocol_gap import Gap
from fmagc.evaluation.significance import Pair
from fmagc.reporting.markdown import table

__all__ = ["PAIRS_LEGEND", "gap_lines", "pair_lines"]

ALPHA = 0.05

PAIRS_LEGEND = (
    "Models are told apart by a paired bootstrap of macro_f1: both are judged on the same resampled artists (and "
    "seeds). Its intervals are widened until those of all pairs hold at once with 95 % probability (max-t), so that "
    "the number of pairs makes no difference out of chance; so are the intervals of gaps, for all models. McNemar's "
    "exact test compares accuracy; its p-values are adjusted for the number of pairs (Holm) and, where there are "
    "several seeds, joined over them (Rueger). It takes the tracks of an artist as independent, which makes it too "
    "sure: where the two disagree, trust the bootstrap. That two models cannot be told apart does not make them equal: "
    "more test artists or more seeds might show a difference."
)


def pair_lines(pairs: Sequence[Pair]) -> list[str]:
    """Say which models cannot be told apart, which can, and show the numbers behind it."""
    if not pairs:
        return ["Nothing to compare: one model, or one test artist."]
    undecided = [pair for pair in pairs if not pair.significant]
    decided = [pair for pair in pairs if pair.significant]
    lines = []
    if undecided:
        lines += [f"**Cannot be told apart**, whatever their order in the table: {_grouped(undecided, 'from')}.", ""]
    if decided:
        lines += [f"**Told apart**, all at once with 95 % confidence: {_grouped(decided, 'above')}.", ""]
    lines += [_second_opinion(pairs), ""]
    rows = [
        (
            f"{pair.better} - {pair.worse}",
            f"{pair.difference:+.3f} [{pair.low:+.3f}, {pair.high:+.3f}]",
            "yes" if pair.significant else "no",
            f"{pair.better_alone:.4g} : {pair.worse_alone:.4g}",
            f"{pair.p:.3f}" if pair.p >= 0.001 else "< 0.001",
        )
        for pair in pairs
    ]
    header = ("pair", "difference of macro_f1 [95 %]", "told apart", "tracks that one alone has right", "McNemar's p")
    return [*lines, table(header, rows, numbers=len(header) - 1)]


def gap_lines(gaps: Sequence[Gap], *, base: str, other: str) -> list[str]:
    """Show what each model scores under two protocols, and say for which the gap is more than chance."""
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
        said = [f"{_join(names)} {word}" for names, word in ((higher, "higher"), (lower, "lower")) if names]
        lines += ["", f"{metric} under `{other}`: {'; '.join(said) or 'no gap'} beyond what chance explains."]
    return lines


def _second_opinion(pairs: Sequence[Pair]) -> str:
    """Say where McNemar's test sees it otherwise."""
    only = [f"{pair.better} and {pair.worse}" for pair in pairs if not pair.significant and pair.p < ALPHA]
    not_here = [f"{pair.better} and {pair.worse}" for pair in pairs if pair.significant and pair.p >= ALPHA]
    said = [
        f"{verb} {'; '.join(names)}"
        for verb, names in (("tells apart also", only), ("does not tell apart", not_here))
        if names
    ]
    return f"McNemar's test on tracks {' and '.join(said) or 'agrees on every pair'}."


def _grouped(pairs: Sequence[Pair], word: str) -> str:
    groups: dict[str, list[str]] = {}
    for pair in pairs:
        groups.setdefault(pair.better, []).append(pair.worse)
    return "; ".join(f"{better} {word} {_join(worse)}" for better, worse in groups.items())


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
