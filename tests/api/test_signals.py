"""A file is decoded, and a waveform becomes a log-mel spectrogram; wrong arguments are named."""

import pickle
from pathlib import Path

import numpy as np
import pytest

import fmagc
from fmagc.cache.reader import Cache
from tests.support.data_folder import SR
from tests.support.decoders import needs_libmpg123
from tests.support.small_project import IDS as DECODED
from tests.support.small_project import Small, write_small


def test_decode_gives_the_samples_that_the_cache_holds(sound: Small) -> None:
    cache = Cache(sound.root / "data/waves", "waves", columns=["scale"], stage="decode")
    assert len(cache.track_ids) == len(DECODED) - 1
    for track_id in cache.track_ids:
        y, sr = fmagc.decode(sound.root / f"data/raw/little/{track_id}.mp3", max_seconds=2.0, min_samples=2**15)
        row = cache[track_id]
        assert sr == SR
        np.testing.assert_array_equal(y, row.values * np.float32(row.columns["scale"]))


@needs_libmpg123
def test_decode_takes_the_decoder_of_a_cache(tmp_path: Path) -> None:
    small = write_small(tmp_path)
    path = next((small.root / "data/raw/little").glob("*.mp3"))
    y, other = (fmagc.decode(path, decoder=decoder)[0] for decoder in ("soundfile", "mpg123"))
    assert y.shape == other.shape
    assert np.abs(y - other).max() <= 1.01 * np.abs(y).max() / 32767
    with pytest.raises(ValueError, match="decoder: expected one of soundfile, mpg123, found 'lame'"):
        fmagc.decode(path, decoder="lame")


def test_decode_rejects_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(fmagc.RejectedTrack) as caught:
        fmagc.decode(tmp_path / "none.mp3")
    assert caught.value.reason is fmagc.Reason.MISSING_FILE
    assert str(caught.value) == f"{tmp_path}/none.mp3: missing_file: No such file or directory"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("y", "settings", "message"),
    [
        (np.zeros((2, 5000), np.float32), {}, r"expected y of shape \(n,\)"),
        (np.zeros(5000, np.int16), {}, "a floating type, found"),
        (np.array([0, np.nan, np.inf] * 1000, np.float32), {}, "finite samples, found 2000 NaN or infinite of 3000"),
        (np.zeros(100, np.float32), {}, "at least one hop, 1024 samples, found 100"),
        (np.zeros(5000, np.float32), {"sr": 0}, "sr: expected an integer from 1 on, found 0"),
    ],
)
def test_log_mel_refuses_what_is_no_waveform(y: np.ndarray, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fmagc.log_mel(y, **{"sr": SR} | settings)


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(fmagc.SettingsError, match=r"fmagc\.log_mel: n_fft: expected a power of two, as 1024"):
        fmagc.log_mel(np.zeros(5000, np.float32), sr=SR, n_fft=1000)
    with pytest.raises(fmagc.SettingsError, match=r"fmax at most half of sr \(22050 Hz\), found 0\.0 and 30000\.0"):
        fmagc.log_mel(np.zeros(5000, np.float32), sr=SR, fmax=30_000.0)
