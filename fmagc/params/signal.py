"""The settings of the signal: decoding, the length of a clip, the log-mel spectrogram and its number of frames."""

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field

from fmagc.params.base import Block

__all__ = ["Audio", "Clip", "Decoder", "Fallback", "Mel", "Waveform", "n_frames", "require_known"]

Decoder = Literal["soundfile", "mpg123"]  # what decodes MP3s
Fallback = Literal["none", "ffmpeg"]  # what decodes a file whose format libsndfile does not know
Positive = Annotated[int, Field(gt=0)]


def n_frames(n_samples: int, *, hop_length: int) -> int:
    """Count the frames that stand for a waveform: whole hops.

    Centred frames are ``1 + n // hop_length``, the last of them centred on the end or close to it, half of it padding.
    It is dropped, here alone, so that frame f stands for samples ``f * hop_length`` onwards and 2**19 samples make 512.

    Parameters
    ----------
    n_samples : int, samples
    hop_length : int, samples

    Returns
    -------
    int, frames
    """
    return n_samples // hop_length


def require_known(**choices: str) -> None:
    """Refuse a `decoder` that is no `Decoder`, and a `fallback` that is no `Fallback`.

    Raises
    ------
    ValueError
    """
    for name, choice in choices.items():
        known = get_args({"decoder": Decoder, "fallback": Fallback}[name])
        if choice not in known:
            raise ValueError(f"{name}: expected one of {', '.join(known)}, found {choice!r}")


def _power_of_two(value: int) -> int:
    if value.bit_count() != 1:
        raise ValueError(f"a power of two, as {1 << value.bit_length()}")
    return value


class Waveform(Block):
    """The decoded waveform: mono float32 at one sample rate."""

    sample_rate: Annotated[int, Field(ge=8_000, le=192_000)]  # Hz
    max_seconds: Annotated[float, Field(gt=0, le=3_600)]  # a longer file gives its middle; no worker holds an hour


class Audio(Waveform):
    """Settings of decoding, and the limits at which a run gives up."""

    decoder: Decoder
    fallback: Fallback
    timeout_s: Annotated[float, Field(gt=0)]  # a decode that takes longer is rejected
    max_reject_fraction: Annotated[float, Field(ge=0, le=1)]  # above it the dataset root is wrong, not the tracks
    ids_per_shard: Positive  # a shard holds the tracks of one range of ids

    def content(self) -> dict[str, Any]:
        """Return the settings that decide what a cache holds; the others only decide when a run gives up."""
        return self.model_dump(include={"sample_rate", "max_seconds", "decoder", "fallback", "ids_per_shard"})


class Clip(Block):
    """The length of a clip, the input of a network."""

    samples: Positive


class Mel(Block):
    """The log-mel spectrogram, in librosa's terms."""

    n_fft: Annotated[int, Field(ge=64, le=65_536), AfterValidator(_power_of_two)]
    hop_length: Positive
    n_mels: Positive
    fmin: Annotated[float, Field(ge=0)]  # Hz
    fmax: Annotated[float, Field(gt=0)] | None  # Hz; null: half the sample rate
    top_db: Annotated[float, Field(gt=0)]  # dB below the track's maximum at which the floor lies
