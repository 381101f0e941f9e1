"""A share of a training set as it is in the cache: its tracks, and the z-scores that follow from them."""

import pandas as pd

from fmagc.cache.normalisation import Normalisation, as_normalisation, measure
from fmagc.cache.reader import Cache
from fmagc.corpus.index import read_split
from fmagc.corpus.training_shares import take_share

__all__ = ["normalisation_of_share", "read_split_with_share"]


def read_split_with_share(protocol: str, share: float, *, mels: Cache, seed: int) -> pd.DataFrame:
    """Read the split of a protocol, of its training set a share.

    It is a share of the tracks that are in the cache: so no genre loses its last artist to a file that was rejected.

    Parameters
    ----------
    share, seed : float, int
        As for `corpus.training_shares.take_share`.
    """
    split = read_split(protocol)
    usable = split["track_id"].isin(mels.lengths) | (split["set"] != "train")
    return take_share(split[usable], share, seed=seed)


def normalisation_of_share(split: pd.DataFrame, *, waves: Cache, mels: Cache) -> dict[str, Normalisation]:
    """Measure the training tracks of a split with a share, by ``waveform`` and ``mel``; no row is read."""
    return as_normalisation(measure(waves, mels, split.loc[split["set"] == "train", "track_id"].tolist()))
