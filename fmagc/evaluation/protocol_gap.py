"""Measure how much a model's scores change under another protocol: how much a leak flatters it.

The tracks that are tested differ between protocols, so the resamples of both are independent, and only the difference
of the two scores can be given. The intervals of all models are simultaneous, as those of pairs are
(`fmagc.evaluation.significance`). A protocol is one split: the intervals do not cover another draw of the split.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fmagc.evaluation.significance import Correctness, simultaneous

__all__ = ["Gap", "gaps_between"]


@dataclass(frozen=True)
class Gap:
    """The scores of a model under two protocols, means over seeds; the interval is that of `other` minus `base`."""

    model: str
    metric: str
    base: float
    other: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """Score under the other protocol minus score under the base."""
        return self.other - self.base


def gaps_between(base: Mapping[str, Correctness], *, other: Mapping[str, Correctness]) -> list[Gap]:
    """Compare the scores of each model under two protocols.

    Parameters
    ----------
    base, other : mapping of str to Correctness
        By the model's name; the same models, with resamples of the same number and seed.

    Returns
    -------
    list of Gap
        For each of the measures `Scoring.resampled` every model, in the order of `base`.
    """
    gaps = []
    n_artists = min(model.n_artists for own in (base, other) for model in own.values())
    for metric in next(iter(base.values())).scores:
        scores = np.array([[own[name].scores[metric] for name in base] for own in (base, other)])
        drawn = [np.stack([own[name].drawn[metric] for name in base], axis=1) for own in (base, other)]
        # the two draws begin with the same random numbers: resamples of different number are independent
        differences = np.roll(drawn[1], 1, axis=0) - drawn[0]
        half = simultaneous(differences - (scores[1] - scores[0]), n_artists=n_artists)
        gaps += [
            Gap(
                name,
                metric,
                score,
                other_score,
                max(other_score - score - width, -1.0),
                min(other_score - score + width, 1.0),
            )
            for name, score, other_score, width in zip(base, *scores.tolist(), half.tolist(), strict=True)
        ]
    return gaps
