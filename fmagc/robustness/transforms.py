"""Transform a whole track, as recording, encoding and playback may do.

Every function takes y, float32 mono where full scale is 1, and does not modify it. The result has the same length,
except after a time stretch. Nothing is clipped at full scale: the cache does not clip either.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import librosa
import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

from fmagc.audio.mpeg_frames import scan
from fmagc.errors import DataError
from fmagc.params.robustness import Robustness

__all__ = [
    "CLEAN",
    "Transform",
    "gain",
    "low_pass",
    "mp3",
    "noise",
    "pitch_shift",
    "time_shift",
    "time_stretch",
    "transforms_of",
]

Waveform = NDArray[np.float32]

_ORDER = 8  # of the low-pass in one direction
_KBPS_ALLOWED = 0.05  # relative; the frame of the header counts too


@dataclass(frozen=True)
class Transform:
    """One transformation at one strength.

    Attributes
    ----------
    name : str
        The key of `params.robustness.Robustness` that lists its strengths, with the unit in it; or ``clean``.
    strength : float
    """

    name: str
    strength: float

    def __call__(self, y: Waveform, *, sr: int, seed: int) -> Waveform:
        """Transform a track.

        Parameters
        ----------
        y : np.ndarray [shape=(n,), float32]
        sr : int [Hz]
        seed : int
            Of noise: the same for all its strengths, so that they differ in level alone.
        """
        match self.name:
            case "clean":
                return y
            case "time_shift_s":
                return time_shift(y, seconds=self.strength, sr=sr)
            case "gain_db":
                return gain(y, db=self.strength)
            case "noise_snr_db":
                return noise(y, snr_db=self.strength, seed=seed)
            case "time_stretch_rate":
                return time_stretch(y, rate=self.strength)
            case "pitch_shift_semitones":
                return pitch_shift(y, semitones=self.strength, sr=sr)
            case "low_pass_hz":
                return low_pass(y, hz=self.strength, sr=sr)
            case "mp3_kbps":
                return mp3(y, kbps=self.strength, sr=sr)
        raise ValueError(f"expected the name of a transformation, found {self.name!r}")


CLEAN = Transform("clean", 0)


def transforms_of(settings: Robustness) -> Iterator[Transform]:
    """List every transformation at every strength, in the order of the settings."""
    for name, strengths in settings.strengths().items():
        for strength in strengths:
            yield Transform(name, strength)


def time_shift(y: Waveform, *, seconds: float, sr: int) -> Waveform:
    """Shift the music earlier; samples that leave at the start enter at the end."""
    return np.roll(y, -round(seconds * sr))


def gain(y: Waveform, *, db: float) -> Waveform:
    """Turn the level up or down."""
    return y * np.float32(10 ** (db / 20))


def noise(y: Waveform, *, snr_db: float, seed: int) -> Waveform:
    """Add white Gaussian noise whose power lies `snr_db` below the mean power of the track."""
    power = np.mean(np.square(y, dtype=np.float64))
    added = np.random.default_rng(seed).standard_normal(len(y), dtype=np.float32)
    added *= np.float32(np.sqrt(power * 10 ** (-snr_db / 10)))
    added += y
    return added


def time_stretch(y: Waveform, *, rate: float) -> Waveform:
    """Play faster (rate above 1) or slower at the same pitch: librosa's phase vocoder; n samples become n / rate."""
    stretched: Waveform = librosa.effects.time_stretch(y, rate=rate)
    return stretched


def pitch_shift(y: Waveform, *, semitones: float, sr: int) -> Waveform:
    """Play higher or lower at the same speed: librosa's time stretch, then a resampling back to the same length."""
    shifted: Waveform = librosa.effects.pitch_shift(y, sr=sr, n_steps=semitones)
    return shifted


def low_pass(y: Waveform, *, hz: float, sr: int) -> Waveform:
    """Remove the frequencies above `hz`: Butterworth, forwards and backwards, so that the phase stays the same.

    Half the amplitude (-6 dB) is left at `hz` itself, -96 dB for each octave above.
    """
    sections = signal.butter(_ORDER, hz, btype="lowpass", fs=sr, output="sos")
    return np.asarray(signal.sosfiltfilt(sections, y), dtype=np.float32)


def mp3(y: Waveform, *, kbps: float, sr: int) -> Waveform:
    """Encode to MP3 at a constant bit rate, mono, and decode again.

    LAME writes its delay into the first frame, and the decoder takes it off: what comes back starts and ends as `y`
    does.

    Raises
    ------
    DataError
        When the encoder gives another bit rate than requested, as it does at sample rates below 32 kHz, or what
        comes back has another length.
    """
    # libsndfile takes no bit rate but a level from 0 to 1 that stands for 320 down to 32 kbit/s
    file = io.BytesIO()
    soundfile.write(file, y, sr, format="MP3", bitrate_mode="CONSTANT", compression_level=(320 - kbps) / (320 - 32))
    audio = scan(file.getvalue())
    found = len(file.getvalue()) * 8 / 1000 / (audio.samples / sr) if audio else 0
    decoded: Waveform = soundfile.read(io.BytesIO(file.getvalue()), dtype="float32")[0]
    if abs(found / kbps - 1) > _KBPS_ALLOWED or len(decoded) != len(y):
        raise DataError(
            f"robustness.mp3_kbps: expected {len(y)} samples at {kbps:g} kbit/s from the encoder of libsndfile "
            f"{soundfile.__libsndfile_version__} at {sr} Hz, found {len(decoded)} at {found:.1f}: take {kbps:g} out"
        )
    return decoded
