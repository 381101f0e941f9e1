"""Report in Markdown from how many training tracks on which model leads, and where the lines part."""

from collections.abc import Iterator, Mapping, Sequence

from fmagc.evaluation.share_curve import ShareCurve
from fmagc.reporting.markdown import table
from fmagc.reporting.metric_text import metric_text
from fmagc.reporting.text import listed

__all__ = ["SHARES_LEGEND", "share_lines", "shares_title"]

SHARES_LEGEND = (
    "Shares of the training set are drawn by artist and nested: a smaller one is part of the larger ones. Every model "
    "is trained anew on each, with the same settings, so that an epoch of a smaller share has fewer steps. All are "
    "tested on the same tracks. The significance of differences is that of the pairs of models, for one number of "
    "tracks at a time. Each share is one draw: another draw of artists would give other scores, which the intervals do "
    "not include."
)

_NOWHERE = "at no size"


def shares_title(protocol: str) -> str:
    """Return the heading of a protocol's section."""
    return f"Training tracks, `{protocol}`"


def share_lines(curve: ShareCurve) -> list[str]:
    """Say which model leads at which size, and tabulate the headline measure by the number of training tracks."""
    metric = curve.headline
    header = (f"{metric} [95 %]", *(f"{tracks:,} tracks" for tracks in curve.pairs))
    cells = {
        (model, tracks): metric_text({metric: value, f"{metric}_low": low, f"{metric}_high": high}, metric)
        for model, tracks, value, low, high in curve.table[
            ["model", "tracks", metric, f"{metric}_low", f"{metric}_high"]
        ].itertuples(index=False)
    }
    rows = [(model, *(cells[model, tracks] for tracks in curve.pairs)) for model in curve.models]
    parted = [f"{sum(pair.significant for pair in pairs)} of {len(pairs)}" for pairs in curve.pairs.values()]
    rows.append(("pairs that differ significantly", *parted))
    return [*_sentences(curve), "", table(header, rows, numbers=len(header) - 1)]


def _sentences(curve: ShareCurve) -> Iterator[str]:
    sizes = list(curve.pairs)
    leads = "; ".join(f"{model} leads {_at(own, sizes)}" for model, own in curve.leaders.items())
    yield f"{leads}, by {curve.headline}."
    reference = curve.reference
    networks = [model for model in curve.models if model not in curve.baselines]
    if reference is None or not networks:
        return
    yield ""
    above = _grouped({model: curve.above(model, reference) for model in networks}, sizes)
    parts = [f"{listed(names)} {'is' if len(names) == 1 else 'are'} above it {where}" for where, names in above.items()]
    yield f"Against {reference}, the best baseline on the whole set: {'; '.join(parts)}."
    better = {model: curve.significantly_above(model, reference) for model in networks}
    worse = {model: curve.significantly_above(reference, model) for model in networks}
    parts = [
        f"Significantly {word} than {reference}: "
        + "; ".join(f"{listed(names)} {where}" for where, names in _grouped(found, sizes).items() if where != _NOWHERE)
        for word, found in (("better", better), ("worse", worse))
        if any(found.values())
    ]
    yield ""
    yield f"**{'. '.join(parts) or f'No network differs significantly from {reference} at any size'}.**"


def _grouped(found: Mapping[str, Sequence[int]], sizes: Sequence[int]) -> dict[str, list[str]]:
    """Name together the models of which something holds at the same sizes."""
    groups: dict[str, list[str]] = {}
    for model, own in found.items():
        groups.setdefault(_at(own, sizes), []).append(model)
    return groups


def _at(own: Sequence[int], sizes: Sequence[int]) -> str:
    """Say at which of the sizes: at all, from one on, or each by its number."""
    if not own:
        return _NOWHERE
    if len(own) == len(sizes):
        return "at every size"
    if len(own) > 1 and list(own) == list(sizes[-len(own) :]):
        return f"from {own[0]:,} tracks on"
    return f"at {listed(f'{tracks:,}' for tracks in own)} tracks"
