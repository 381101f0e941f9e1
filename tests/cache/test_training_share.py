"""The share of a training set that a stage is given on the command line."""

import math

import pytest

from fmagc.cache.training_share import read_split_with_share
from fmagc.errors import SettingsError


@pytest.mark.parametrize("share", [0.0, 1.0, 2.0, -1.0, math.nan])
def test_what_is_no_part_of_a_training_set_is_refused(share: float) -> None:
    with pytest.raises(SettingsError, match=rf"above 0 and below 1, found {share}"):
        read_split_with_share("official", share, mels=None, seed=0)
