"""White noise in mel bands."""

import pytest

from fmagc.training.augment import MelNoise
from tests.support.augmentations import mel_noise


@pytest.fixture
def noise() -> MelNoise:
    return mel_noise()
