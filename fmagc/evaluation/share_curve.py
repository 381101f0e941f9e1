"""Follow the scores of all models over the number of training tracks: which leads, where lines cross, where they part.

At each size the models are compared as on the whole set (`fmagc.evaluation.significance`): on the same test tracks,
with intervals that hold for all pairs of that size at once. A share is one draw of artists, and no interval covers
another draw.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import pandas as pd

from fmagc.evaluation.bootstrap import intervals
from fmagc.evaluation.significance import Correctness, Pair, compare_all

__all__ = ["ShareCurve"]


@dataclass(frozen=True)
class ShareCurve:
    """The scores of a protocol's models by the number of training tracks.

    Attributes
    ----------
    headline : str
        The measure by which models are ranked (`Scoring.headline`).
    table : pd.DataFrame
        A row for each size and model, sizes ascending: ``tracks``, ``model``, the headline measure, a mean over seeds,
        by its name, and as ``<measure>_low`` and ``<measure>_high`` its 95 % interval.
    pairs : mapping of int to sequence of Pair
        All pairs of models, by the number of training tracks.
    baselines : tuple of str
        Which of the models are baselines.
    """

    headline: str
    table: pd.DataFrame
    pairs: Mapping[int, Sequence[Pair]]
    baselines: tuple[str, ...]

    @classmethod
    def of(
        cls,
        by_size: Mapping[int, Mapping[str, Correctness]],
        *,
        baselines: Sequence[str],
    ) -> Self:
        """Score and compare the models of every size.

        Parameters
        ----------
        by_size : mapping of int to mapping of str to Correctness
            The models by name, by the number of training tracks.
        baselines : sequence of str
            Which of the models are baselines.

        Raises
        ------
        DataError
            When models of one size were tested on different tracks.
        """
        rows = []
        for tracks, models in sorted(by_size.items()):
            for name, own in models.items():
                headline = own.headline
                low, high = intervals(own.drawn, n_artists=own.n_artists)[headline]
                row = {headline: own.scores[headline], f"{headline}_low": low, f"{headline}_high": high}
                rows.append({"tracks": tracks, "model": name} | row)
        pairs = {tracks: compare_all(own) for tracks, own in sorted(by_size.items())}
        return cls(headline, pd.DataFrame(rows), pairs, tuple(baselines))

    @property
    def scores(self) -> pd.DataFrame:
        """The headline measure: a row for each size, a column for each model, the best on the whole set first."""
        scores = self.table.pivot(index="tracks", columns="model", values=self.headline)
        return scores[scores.iloc[-1].sort_values(ascending=False, kind="stable").index]

    @property
    def models(self) -> list[str]:
        """The models, the best on the whole set first."""
        return [str(model) for model in self.scores]

    @property
    def leaders(self) -> dict[str, list[int]]:
        """The sizes at which each model has the highest score, by model in the order in which they lead."""
        found: dict[str, list[int]] = {}
        for tracks, model in self.scores.idxmax(axis=1).items():
            found.setdefault(str(model), []).append(int(str(tracks)))
        return found

    @property
    def reference(self) -> str | None:
        """The baseline that is best on the whole set, if there is one."""
        return next((model for model in self.models if model in self.baselines), None)

    def above(self, model: str, other: str) -> list[int]:
        """List the sizes at which a model has a higher score than another."""
        return self.scores.index[self.scores[model] > self.scores[other]].tolist()

    def significantly_above(self, model: str, other: str) -> list[int]:
        """List the sizes at which a model is significantly better than another."""
        return [
            tracks
            for tracks, pairs in self.pairs.items()
            if any((pair.better, pair.worse) == (model, other) and pair.significant for pair in pairs)
        ]
