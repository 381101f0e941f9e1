"""From a file on the shelf to one verified mono waveform, or to the one reason why there is none."""

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from fmagc.audio.containers import missing_end
from fmagc.audio.mpeg import MpegAudio
from fmagc.audio.source import Source, mpeg_audio, not_mp3, read_source, summary
from fmagc.errors import Reason, RejectedTrack
from fmagc.params.signal import Waveform

__all__ = [
    "DECODER",
    "LOSS_ALLOWED",
    "SILENCE_PEAK",
    "Decoded",
    "decode",
    "decode_whole",
    "most_samples",
    "truncation",
]

DECODER = f"soundfile {soundfile.__version__}/{soundfile.__libsndfile_version__}"

# Samples per channel that a decoder may give less than the frames hold. Encoders pad, decoders have a delay (529) and
# cut off both where a LAME tag tells them how much: up to two frames of 1152 in what LAME writes. Some encoders also
# count the frame of the Xing header itself: one frame more.
LOSS_ALLOWED = 3 * 1152

SILENCE_PEAK = 2.0**-24  # below it there is nothing but the decoder's rounding, which int16 must not blow up

_FULL_SCALE = 32767
_MOST_FRAMES = 1 << 48  # what libsndfile says of a FLAC file of unknown length is more
_UNRECOGNISED = 1  # libsndfile's SF_ERR_UNRECOGNISED_FORMAT
_DETAIL_CHARACTERS = 400
_NOTHING = np.empty(0, dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """One accepted track, or one excerpt of a long one.

    Attributes
    ----------
    samples : ndarray of int16, shape (n,)
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
        Any of ``silent``, ``resampled``, ``above_full_scale``, ``resynced`` (bytes that are no frame lie between
        frames), ``warned`` (the decoder had something to say: see `detail`).
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


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the decoder gave: y mono at the file's own rate, samples found and promised in the whole file, its kind."""

    excerpts: list[NDArray[np.float32]]
    starts: list[int]
    n_decoded: int
    n_declared: int
    kind: str
    sample_rate: int
    channels: int
    warnings: str


def most_samples(settings: Waveform) -> int:
    """Return how many samples a decoded track has at most."""
    return round(settings.max_seconds * settings.sample_rate) + 1  # a resampler may round up


def decode(
    path: Path, *, expected_sha1: str, listed_sha1: str, settings: Waveform, min_samples: int, out: NDArray[np.int16]
) -> Decoded:
    """Decode one file, an MP3 or whatever libsndfile reads, to mono, at one sample rate, as int16 with one scale.

    The decoder's C library writes to file descriptor 2, which is diverted while it runs, and memory is used again from
    track to track: call this from one thread of a process only.

    Parameters
    ----------
    path : Path
    expected_sha1 : str
        What the shelf's manifest saw.
    listed_sha1 : str
        What the archive's own list says; empty where there is no list.
    settings : Waveform
        A longer file gives its middle.
    min_samples : int, samples
        Shorter tracks, after resampling, are rejected.
    out : ndarray of int16, shape (`most_samples` or more,)
        Takes the samples.

    Raises
    ------
    RejectedTrack
        With the reason, and in its detail what was measured or what the decoder said.
    """
    source = read_source(path, expected_sha1=expected_sha1, listed_sha1=listed_sha1)
    heard, flags = _verified(source, settings=settings, whole=False)
    return _finished(heard, 0, source=source, settings=settings, min_samples=min_samples, flags=flags, out=out)


def decode_whole(path: Path, *, settings: Waveform, min_samples: int) -> list[Decoded]:
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

    Raises
    ------
    RejectedTrack
        As by `decode`.
    """
    source = read_source(path, expected_sha1=None, listed_sha1="")
    heard, flags = _verified(source, settings=settings, whole=True)
    room = most_samples(settings)
    return [
        _finished(
            heard,
            number,
            source=source,
            settings=settings,
            min_samples=min_samples,
            flags=flags,
            out=np.empty(room, dtype=np.int16),
        )
        for number in range(len(heard.excerpts))
    ]


def _verified(source: Source, *, settings: Waveform, whole: bool) -> tuple[_Heard, dict[str, bool]]:
    """Listen to a file and compare how long it was with what it says of itself."""
    heard = _listen(source, max_seconds=settings.max_seconds, whole=whole)
    audio = source.audio or (mpeg_audio(source.data) if heard.kind == "MP3" else None)
    lost = truncation(audio, n_decoded=heard.n_decoded) if audio else _shortfall(source.data, heard)
    if lost is not None:
        raise RejectedTrack(Reason.TRUNCATED, _joined(lost, heard.warnings))
    return heard, {"resynced": audio is not None and audio.skipped_bytes > 0, "warned": bool(heard.warnings)}


def _finished(
    heard: _Heard,
    number: int,
    *,
    source: Source,
    settings: Waveform,
    min_samples: int,
    flags: dict[str, bool],
    out: NDArray[np.int16],
) -> Decoded:
    """Resample and quantise one excerpt, whose float samples are given free."""
    y, heard.excerpts[number] = heard.excerpts[number], _NOTHING
    peak = _peak(y)
    if not np.isfinite(peak):
        count = int(np.count_nonzero(~np.isfinite(y)))
        raise RejectedTrack(Reason.NON_FINITE, _joined(f"{count} of {len(y)} samples", heard.warnings))
    if heard.sample_rate != settings.sample_rate:
        y = soxr.resample(y, heard.sample_rate, settings.sample_rate, quality="HQ")
        peak = _peak(y)
    if len(y) < min_samples:
        raise RejectedTrack(Reason.TOO_SHORT, f"{len(y)} samples at {settings.sample_rate} Hz, needs {min_samples}")
    samples, scale = _to_int16(y, peak, out)
    all_flags = {
        "silent": peak < SILENCE_PEAK,
        "resampled": heard.sample_rate != settings.sample_rate,
        "above_full_scale": peak > 1,
    } | flags
    return Decoded(
        samples=samples,
        scale=scale,
        peak=peak,
        sample_rate=heard.sample_rate,
        channels=heard.channels,
        sha1=source.sha1,
        decoder=DECODER,
        flags=tuple(flag for flag, holds in all_flags.items() if holds),
        detail=heard.warnings,
        start_s=heard.starts[number] / heard.sample_rate,
        file_s=heard.n_decoded / heard.sample_rate,
    )


def truncation(audio: MpegAudio, *, n_decoded: int) -> str | None:
    """Say what is missing when a decoder gave less than a file's frames hold or its header promises.

    Both are asked, because each is blind to something: the frames that are there do not know of those that were cut
    off, and a variable bit rate without a Xing header makes libsndfile guess a length and stop there without a word.
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


def _shortfall(data: bytes, heard: _Heard) -> str | None:
    """Say what is missing of a file that is no MP3: all others tell their length to the sample."""
    if heard.n_decoded < heard.n_declared:
        return f"decoded {heard.n_decoded} samples, its header declares {heard.n_declared}"
    return missing_end(data)


def _listen(source: Source, *, max_seconds: float, whole: bool) -> _Heard:
    with tempfile.TemporaryFile() as log:
        try:
            with _stderr_diverted_to(log), soundfile.SoundFile(io.BytesIO(source.data)) as file:
                if source.audio and file.format != "MP3":  # the decoder goes by the first bytes, another container's
                    raise not_mp3(source.data)
                if file.frames > _MOST_FRAMES:
                    raise RejectedTrack(Reason.DECODE_ERROR, "its header does not tell how long it is: encode it anew")
                keep = round(max_seconds * file.samplerate)
                starts = _starts(file.frames, keep=keep, whole=whole)
                with _ending_early(file, source):
                    excerpts, n_decoded = _excerpts(file, starts, keep=keep)
        except soundfile.SoundFileError as error:
            said = getattr(error, "error_string", str(error))
            unknown = not source.audio and getattr(error, "code", None) == _UNRECOGNISED
            reason = Reason.NOT_AUDIO if unknown else Reason.DECODE_ERROR
            raise RejectedTrack(reason, _joined(f"{said} ({summary(source.data)})", _text_of(log))) from error
        kind, sr, channels = file.format, file.samplerate, file.channels
        return _Heard(excerpts, starts, n_decoded, file.frames, kind, sr, channels, _text_of(log))


@contextmanager
def _ending_early(file: soundfile.SoundFile, source: Source) -> Iterator[None]:
    """Name what is missing where the decoder stops with an error in a file that is no MP3, as FLAC's does."""
    try:
        yield
    except soundfile.LibsndfileError as error:
        if source.audio or not 0 < file.tell() < file.frames:
            raise
        said = f"decoded {file.tell()} samples, its header declares {file.frames}"
        raise RejectedTrack(Reason.TRUNCATED, _joined(said, error.error_string)) from error


def _starts(n_frames: int, *, keep: int, whole: bool) -> list[int]:
    """Choose the middle of a longer file, FMA's rule, or excerpts that cover the whole."""
    last = max(0, n_frames - keep)
    n_excerpts = max(1, -(-n_frames // keep)) if whole else 1
    return [last // 2] if n_excerpts == 1 else [round(start) for start in np.linspace(0, last, n_excerpts).tolist()]


def _excerpts(file: soundfile.SoundFile, starts: list[int], *, keep: int) -> tuple[list[NDArray[np.float32]], int]:
    """Decode a whole file but keep at most `keep` samples from each start; say how long all of it was.

    Blocks bound the memory that an endless file takes; a block of twice what is kept makes one read of a usual clip,
    since reading an MP3 in pieces costs the decoder a seek each.
    """
    parts: list[list[NDArray[np.float32]]] = [[] for _ in starts]
    position = 0
    while position < file.frames and len(block := file.read(out=_scratch(2 * keep, file.channels))) > 0:
        for start, own in zip(starts, parts, strict=True):
            wanted = block[max(0, start - position) : max(0, start + keep - position)]
            if len(wanted) > 0:
                own.append(_mono(wanted))
        position += len(block)
    return [own[0] if len(own) == 1 else np.concatenate([_NOTHING, *own]) for own in parts], position


@lru_cache(maxsize=1)
def _scratch(n: int, channels: int) -> NDArray[np.float32]:
    """Keep one array for the decoder from track to track: fresh memory costs more than filling it."""
    return np.empty((n, channels), dtype=np.float32)


def _mono(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average the channels; np.mean is slow over two columns, and a matrix product would wake BLAS's threads."""
    if frames.shape[1] == 1:
        return frames[:, 0].copy()
    y = frames[:, 0] + frames[:, 1]
    for channel in frames.T[2:]:
        y += channel
    y *= np.float32(1 / frames.shape[1])
    return y


def _peak(y: NDArray[np.float32]) -> float:
    """Find the largest absolute sample; NaN where there is one."""
    return max(float(y.max()), -float(y.min())) if len(y) > 0 else 0.0


def _to_int16(y: NDArray[np.float32], peak: float, out: NDArray[np.int16]) -> tuple[NDArray[np.int16], float]:
    """Quantise into `out`; y is used up."""
    samples = out[: len(y)]
    if peak < SILENCE_PEAK:
        samples[:] = 0
        return samples, 1.0
    scale = np.float32(peak / _FULL_SCALE)
    y *= np.float32(1) / scale
    np.copyto(samples, np.rint(y, out=y), casting="unsafe")
    return samples, float(scale)


@contextmanager
def _stderr_diverted_to(log: BinaryIO) -> Iterator[None]:
    """Send what C code writes to stderr into a file."""
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        os.dup2(log.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def _text_of(log: BinaryIO) -> str:
    log.seek(0)
    lines = log.read(4 * _DETAIL_CHARACTERS).decode("utf-8", errors="replace").split("\n")
    return "; ".join(line.strip() for line in lines if line.strip())[:_DETAIL_CHARACTERS]


def _joined(*parts: str) -> str:
    return "; ".join(part.strip() for part in parts if part.strip())
