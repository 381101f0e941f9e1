"""The transforms of robustness, on signals of known pitch, level, timing and spectrum."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fmagc.audio.mpeg_frames import scan
from fmagc.errors import DataError
from fmagc.params.robustness import Robustness
from fmagc.robustness import transforms
from fmagc.robustness.transforms import CLEAN, Transform, transforms_of
from tests.support.audio_files import music

SR = 44100
N = 3 * SR
Waveform = NDArray[np.float32]

SETTINGS = Robustness(
    tracks=1,
    encoder_steps=[1.0],
    time_shift_s=[0.1, 0.5],
    gain_db=[-6.0],
    noise_snr_db=[20.0],
    time_stretch_rate=[0.9],
    pitch_shift_semitones=[1.0],
    low_pass_hz=[4000.0],
    mp3_kbps=[64],
)


def tone(hz: float) -> Waveform:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(N) / SR)).astype(np.float32)


def clicks(*seconds: float) -> Waveform:
    """Bursts of 5 ms at these places."""
    y = np.zeros(N, dtype=np.float32)
    burst = np.hanning(220) * np.sin(2 * np.pi * 2000 * np.arange(220) / SR)
    for place in seconds:
        start = round(place * SR) - 110
        y[start : start + 220] = burst
    return y


def frequency(y: Waveform) -> float:
    """Find the strongest frequency of the middle second, in Hz: the bins are 0.25 Hz wide."""
    middle = y[len(y) // 2 - SR // 2 :][:SR] * np.hanning(SR)
    return float(np.abs(np.fft.rfft(middle, 4 * SR)).argmax() / 4)


def place(y: Waveform) -> float:
    """Find the centre of energy, in s."""
    energy = np.square(y, dtype=np.float64)
    return float((energy * np.arange(len(y))).sum() / energy.sum() / SR)


def power_db(y: NDArray[np.floating]) -> float:
    return float(10 * np.log10(np.mean(np.square(y, dtype=np.float64))))


@pytest.mark.parametrize("transform", list(transforms_of(SETTINGS)), ids=lambda transform: transform.name)
def test_a_track_stays_as_it_is_and_its_copy_has_its_type_and_length(transform: Transform) -> None:
    y = music(N, channels=1)[:, 0].astype(np.float32)
    before = y.copy()
    changed = transform(y, sr=SR, seed=0)
    np.testing.assert_array_equal(y, before)
    assert changed.dtype == np.float32
    assert len(changed) == (round(N / 0.9) if transform.name == "time_stretch_rate" else N)
    assert not np.array_equal(changed[:N], y)
    np.testing.assert_array_equal(changed, transform(y, sr=SR, seed=0))
    assert CLEAN(y, sr=SR, seed=0) is y


def test_every_strength_of_the_settings_is_a_transform() -> None:
    listed = list(transforms_of(SETTINGS))
    assert listed[:3] == [Transform("time_shift_s", 0.1), Transform("time_shift_s", 0.5), Transform("gain_db", -6.0)]
    assert {transform.name for transform in listed} == set(SETTINGS.strengths())
    with pytest.raises(ValueError, match="found 'reverb'"):
        Transform("reverb", 1.0)(tone(440), sr=SR, seed=0)


def test_a_time_shift_brings_music_forward_and_loses_none() -> None:
    shifted = transforms.time_shift(clicks(0.25, 1.0), seconds=0.5, sr=SR)
    np.testing.assert_array_equal(shifted, clicks(0.5, 2.75))


@pytest.mark.parametrize("db", [-12.0, 6.0])
def test_gain_is_a_change_of_level_alone(db: float) -> None:
    y = tone(440)
    louder = transforms.gain(y, db=db)
    assert power_db(louder) - power_db(y) == pytest.approx(db, abs=1e-3)
    np.testing.assert_allclose(louder / np.abs(louder).max(), y / np.abs(y).max(), atol=1e-6)


def test_noise_is_white_and_as_loud_as_asked_for() -> None:
    y = tone(440)
    added = {snr: transforms.noise(y, snr_db=snr, seed=1) - y for snr in (20.0, 10.0)}
    for snr, noise in added.items():
        assert power_db(y) - power_db(noise) == pytest.approx(snr, abs=0.05)
    np.testing.assert_allclose(added[10.0], added[20.0] * np.sqrt(10), atol=1e-6)  # the same noise, louder
    spectrum = np.abs(np.fft.rfft(added[10.0]))
    low, high = np.array_split(spectrum, 2)
    assert power_db(low) == pytest.approx(power_db(high), abs=0.2)
    assert not np.array_equal(transforms.noise(y, snr_db=20.0, seed=2), transforms.noise(y, snr_db=20.0, seed=1))
    np.testing.assert_array_equal(transforms.noise(0 * y, snr_db=20.0, seed=1), 0 * y)


@pytest.mark.parametrize("rate", [0.8, 1.25])
def test_a_stretch_changes_time_and_not_pitch(rate: float) -> None:
    assert frequency(transforms.time_stretch(tone(440), rate=rate)) == pytest.approx(440, abs=0.5)
    stretched = transforms.time_stretch(clicks(1.0), rate=rate)
    assert len(stretched) == round(N / rate)
    assert place(stretched) == pytest.approx(1.0 / rate, abs=0.02)


@pytest.mark.parametrize("semitones", [-2.0, 1.0])
def test_a_pitch_shift_changes_pitch_and_not_time(semitones: float) -> None:
    expected = 440 * 2 ** (semitones / 12)
    assert frequency(transforms.pitch_shift(tone(440), semitones=semitones, sr=SR)) == pytest.approx(expected, abs=0.5)
    assert place(transforms.pitch_shift(clicks(1.0), semitones=semitones, sr=SR)) == pytest.approx(1.0, abs=0.02)


def test_a_low_pass_cuts_above_its_frequency_and_delays_nothing() -> None:
    def left_db(hz: float) -> float:
        inner = slice(SR // 2, -SR // 2)
        return power_db(transforms.low_pass(tone(hz), hz=4000.0, sr=SR)[inner]) - power_db(tone(hz)[inner])

    assert left_db(2000) == pytest.approx(0, abs=0.01)
    assert left_db(4000) == pytest.approx(-6.02, abs=0.05)
    assert left_db(8000) < -90
    click = clicks(1.0)
    assert place(transforms.low_pass(click, hz=4000.0, sr=SR)) == pytest.approx(place(click), abs=1e-5)


@pytest.mark.parametrize("kbps", [64, 128])
def test_mp3_has_its_bit_rate_and_comes_back_aligned(monkeypatch: pytest.MonkeyPatch, kbps: int) -> None:
    files: list[bytes] = []
    monkeypatch.setattr(transforms, "scan", lambda data: (files.append(data), scan(data))[1])
    y = music(N, channels=1)[:, 0].astype(np.float32)
    decoded = transforms.mp3(y, kbps=kbps, sr=SR)
    audio = scan(files[0])
    assert audio is not None
    assert (audio.layer, audio.channels, audio.sample_rate) == (3, 1, SR)
    assert len(files[0]) * 8 / 1000 * SR / audio.samples == pytest.approx(kbps, rel=0.02)
    lags = range(-1500, 1501, 1)
    inner = slice(SR // 2, SR)
    likeness = [float(decoded[inner.start + lag : inner.stop + lag] @ y[inner]) for lag in lags]
    assert lags[int(np.argmax(likeness))] == 0
    assert 5 < power_db(y) - power_db(decoded - y) < 30  # lossy, and still the same music


def test_a_bit_rate_that_the_encoder_does_not_give_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"robustness\.mp3_kbps: expected 132300 samples at 64 kbit/s .* at 22050 Hz, found"
    ):
        transforms.mp3(tone(440), kbps=64, sr=22050)
