"""A share of a training set as it is in the cache: its tracks, and the z-scores that follow from them."""

import pandas as pd

from fmagc.cache.normalisation import Normalisation, as_normalisation, measure
from fmagc.cache.reader import Cache
from fmagc.corpus.index import read_split
from fmagc.corpus.training_shares import take_share
from fmagc.errors import SettingsError

__all__ = ["normalisation_of_share", "read_split_with_share"]


def read_split_with_share(protocol: str, share: float, *, mels: Cache, seed: int) -> pd.DataFrame:
    """Read the split of a protocol, of its training set a share.

    It is a share of the tracks that are in the cache: so no genre loses its last artist to a file that was rejected.

    Parameters
    ----------
    share : float > 0, below 1
        Of the training tracks: the whole of them is no share, whose results have folders of their own.
    seed : int
        As for `corpus.training_shares.take_share`.

    Raises
    ------
    SettingsError
        When `share` is no such number.
    """
    if not 0 < share < 1:
        raise SettingsError(
            f"share: expected a part of the training set as in run.train_shares, above 0 and below 1, found {share}"
        )
    split = read_split(protocol)
    usable = split["track_id"].isin(mels.lengths) | (split["set"] != "train")
    return take_share(split[usable], share, seed=seed)


def normalisation_of_share(split: pd.DataFrame, *, waves: Cache, mels: Cache) -> dict[str, Normalisation]:
    """Measure the training tracks of a split with a share, by ``waveform`` and ``mel``; no row is read."""
    return as_normalisation(measure(waves, mels, split.loc[split["set"] == "train", "track_id"].tolist()))
