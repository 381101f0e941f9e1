"""Decoding of one file to a verified mono waveform, or its rejection with one reason."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmagc.audio.ffmpeg import converted_to_au, ffmpeg_program
from fmagc.audio.file_bytes import FileBytes
from fmagc.audio.libmpg123 import read_mp3
from fmagc.audio.libsndfile import read_samples
from fmagc.audio.mpeg_frames import MpegAudio
from fmagc.audio.quantise import SILENCE_PEAK, most_samples, quantise
from fmagc.audio.raw_audio import NOTHING, RawAudio, joined
from fmagc.audio.streams import contents_of, summary
from fmagc.audio.validate import Source, open_source
from fmagc.errors import Reason, RejectedTrack
from fmagc.params.signal import Decoder, Fallback, Waveform

__all__ = [
    "FLAGS",
    "LOSS_ALLOWED",
    "Decoded",
    "decode",
    "decode_whole",
    "truncation",
]

# Samples per channel that a decoder may give less than the frames hold. Encoders pad, decoders have a delay (529) and
# cut off both where a LAME tag tells them how much: up to two frames of 1152 in what LAME writes. Some encoders also
# count the frame of the Xing header itself: one frame more.
LOSS_ALLOWED = 3 * 1152

FLAGS = {
    "silent": "nothing above the decoder's rounding",
    "resampled": "the file has another sample rate",
    "above_full_scale": "its peak is more than 1",
    "cancelled": "its channels cancel each other, and the loudest is kept in place of their mean",
    "padded": "bytes that are neither audio nor tags lie before or behind the audio",
    "length_corrected": "its header tells no length, or another than the file holds",
    "no_end_mark": "the end of an Ogg stream is not marked, but its last page is whole",
    "chained": "several streams follow each other",
    "fallback": "ffmpeg decoded it, since libsndfile does not know its format",
    "resynced": "bytes that are no frame lie between the frames of an MP3",
    "warned": "the decoder had something to say, which is in the detail",
}

_MIXED = "its sample rate, MPEG version or channels change within the file: encode it again, or cut it into parts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """One accepted track, or one excerpt of a long one.

    Attributes
    ----------
    samples : np.ndarray [shape=(n,), int16]
        The beginning of what `decode` was given to fill. Mono, at the sample rate of the settings;
        ``y = scale * samples`` (float32), and the peak is at 32767.
    scale : float
        Exact in float32; 1 for silence.
    peak : float
        Largest absolute sample of y; MP3s decode to more than 1 at times, and that is kept.
    sample_rate : int, Hz
        Of the file.
    channels : int
        Of the file.
    sha1 : str
        Of the file's bytes.
    decoder : str
        Name and version.
    flags : tuple of str
        Of `FLAGS`, in their order.
    detail : str
        The decoder's warnings, empty as a rule.
    start_s, file_s : float, s
        Where in the file the samples begin, and how long all of it is.
    """

    samples: NDArray[np.int16]
    scale: float
    peak: float
    sample_rate: int
    channels: int
    sha1: str
    decoder: str
    flags: tuple[str, ...]
    detail: str
    start_s: float
    file_s: float


def decode(
    path: Path,
    *,
    expected_sha1: str | None,
    listed_sha1: str,
    settings: Waveform,
    min_samples: int,
    out: NDArray[np.int16],
    decoder: Decoder = "soundfile",
    fallback: Fallback = "none",
) -> Decoded:
    """Decode one file, an MP3 or whatever libsndfile reads, to mono, at one sample rate, as int16 with one scale.

    Call this from one thread of a process only: see `libsndfile.read_samples`.

    Parameters
    ----------
    path : Path
    expected_sha1 : str or None
        Checksum of the file in the manifest of the dataset root; None where there is none.
    listed_sha1 : str
        What the archive's own list says; empty where there is no list.
    settings : Waveform
        A longer file gives its middle.
    min_samples : int, samples
        Shorter tracks, after resampling, are rejected.
    out : np.ndarray [shape=(`most_samples` or more,), int16]
        Buffer for the samples.
    decoder : str
        ``mpg123`` decodes MP3s with the system's libmpg123; see `libmpg123.read_mp3`.
    fallback : str
        ``ffmpeg`` decodes with it what libsndfile does not know; see `ffmpeg.converted_to_au`.

    Raises
    ------
    RejectedTrack
        With the reason, and in its detail what was measured or what the decoder said.
    """
    with open_source(path, expected_sha1=expected_sha1, listed_sha1=listed_sha1) as source:
        raw, flags = _read(source, settings=settings, whole=False, decoder=decoder, fallback=fallback)
    return _finished(raw, 0, sha1=source.sha1, settings=settings, min_samples=min_samples, flags=flags, out=out)


def decode_whole(path: Path, *, settings: Waveform, min_samples: int, fallback: Fallback = "none") -> list[Decoded]:
    """Decode one file as `decode` does, but all of it.

    A file longer than the settings allow gives several excerpts of that length, evenly from its beginning to its end
    and so many that nothing lies between them. Each is what `decode` would give of it alone: its own scale, its own
    peak. A shorter file gives one excerpt, the one that `decode` gives.

    Parameters
    ----------
    path : Path
    settings : Waveform
    min_samples : int, samples
        As for `decode`.
    fallback : str
        As for `decode`.

    Raises
    ------
    RejectedTrack
        As by `decode`.
    """
    with open_source(path, expected_sha1=None, listed_sha1="") as source:
        raw, flags = _read(source, settings=settings, whole=True, decoder="soundfile", fallback=fallback)
    room = most_samples(settings)
    return [
        _finished(
            raw,
            number,
            sha1=source.sha1,
            settings=settings,
            min_samples=min_samples,
            flags=flags,
            out=np.empty(room, dtype=np.int16),
        )
        for number in range(len(raw.excerpts))
    ]


def _read(
    source: Source, *, settings: Waveform, whole: bool, decoder: Decoder, fallback: Fallback
) -> tuple[RawAudio, dict[str, bool]]:
    """Decode a file with the decoder of its format or, where libsndfile does not know that, with the fallback."""
    try:
        return _verified(source, settings=settings, whole=whole, decoder=decoder)
    except RejectedTrack as error:
        if error.reason != Reason.NOT_AUDIO:
            raise
        if fallback == "none":
            raise RejectedTrack(error.reason, joined(error.detail, "the fallback ffmpeg reads more formats")) from error
    if source.contents.missing is not None:
        raise RejectedTrack(Reason.TRUNCATED, source.contents.missing)
    with converted_to_au(source.path) as (au, warnings):
        data = FileBytes(au.fileno())
        converted = Source(source.path, data, source.sha1, contents_of(data, named_mp3=False))
        raw = read_samples(converted, max_seconds=settings.max_seconds, whole=whole)
    raw = replace(raw, decoder=ffmpeg_program().version, warnings=joined(warnings, raw.warnings))
    return raw, {"fallback": True, "warned": bool(raw.warnings)}


def _verified(source: Source, *, settings: Waveform, whole: bool, decoder: Decoder) -> tuple[RawAudio, dict[str, bool]]:
    """Decode a file and compare its decoded length with the length that its frames or header declare."""
    contents = source.contents
    if not contents.known:
        raise RejectedTrack(
            Reason.NOT_AUDIO, f"libsndfile knows no decoder for its format, or its codec ({summary(source.data)})"
        )
    read = read_mp3 if decoder == "mpg123" and contents.mpeg is not None else read_samples
    try:
        raw = read(source, max_seconds=settings.max_seconds, whole=whole)
    except MemoryError as error:
        raise RejectedTrack(
            Reason.DECODER_OUT_OF_MEMORY, f"{summary(source.data)}: its samples need more memory: cut it into parts"
        ) from error
    lost = truncation(contents.mpeg, n_decoded=raw.n_decoded) if contents.mpeg else _shortfall(raw)
    if lost is not None and contents.mpeg is not None and contents.mpeg.mixed:
        raise RejectedTrack(Reason.DECODE_ERROR, joined(f"{lost}; {_MIXED}", raw.warnings))
    lost = lost or contents.missing
    if lost is not None:
        raise RejectedTrack(Reason.TRUNCATED, joined(lost, raw.warnings))
    longer = contents.mpeg is None and raw.n_decoded > raw.n_declared
    flags = contents.flags
    return raw, flags | {
        "padded": flags.get("padded", False) or raw.padded,
        "length_corrected": flags.get("length_corrected", False) or longer,
        "warned": bool(raw.warnings),
    }


def _finished(
    raw: RawAudio,
    number: int,
    *,
    sha1: str,
    settings: Waveform,
    min_samples: int,
    flags: dict[str, bool],
    out: NDArray[np.int16],
) -> Decoded:
    """Resample and quantise one excerpt, and release its float samples."""
    y, raw.excerpts[number] = raw.excerpts[number], NOTHING
    samples, scale, peak = quantise(
        y, sr=raw.sample_rate, settings=settings, min_samples=min_samples, out=out, warnings=raw.warnings
    )
    found = flags | {
        "silent": peak < SILENCE_PEAK,
        "resampled": raw.sample_rate != settings.sample_rate,
        "above_full_scale": peak > 1,
        "cancelled": raw.cancelled[number],
    }
    return Decoded(
        samples=samples,
        scale=scale,
        peak=peak,
        sample_rate=raw.sample_rate,
        channels=raw.channels,
        sha1=sha1,
        decoder=raw.decoder,
        flags=tuple(flag for flag in FLAGS if found.get(flag)),
        detail=raw.warnings,
        start_s=raw.starts[number] / raw.sample_rate,
        file_s=raw.n_decoded / raw.sample_rate,
    )


def truncation(audio: MpegAudio, *, n_decoded: int) -> str | None:
    """Describe the shortfall when a decoder returns fewer samples than a file's frames hold or its header declares.

    Both are compared, because each misses something: the frames that are present do not show that others were cut
    off, and for a variable bit rate without a Xing header libsndfile guesses a length and stops there silently.
    A loss of up to `LOSS_ALLOWED` samples is what encoders and decoders trim. More than promised is no truncation.

    Parameters
    ----------
    audio : MpegAudio
        What the frame headers say.
    n_decoded : int, samples per channel
        At the file's own rate.

    Returns
    -------
    str or None
        For the ledger's detail; None when the file is whole.
    """
    if n_decoded + LOSS_ALLOWED < audio.samples:
        return f"decoded {n_decoded} samples, its {audio.frames} frames hold {audio.samples}"
    declared = (audio.declared_frames or 0) * audio.samples_per_frame
    if n_decoded + LOSS_ALLOWED < declared:
        return f"decoded {n_decoded} samples, its header declares {audio.declared_frames} frames of {declared}"
    return None


def _shortfall(raw: RawAudio) -> str | None:
    """Describe the shortfall of a file that is not an MP3: other formats declare their length to the sample."""
    if raw.n_decoded < raw.n_declared:
        return f"decoded {raw.n_decoded} samples, its header declares {raw.n_declared}"
    return None
