"""Convert a file of a format that libsndfile does not know to floating-point PCM, with ffmpeg.

The samples do not pass through text or int16: ffmpeg writes them as floats in an AU stream, whose header holds the rate
and the channels as they were decoded. The result is compared with the rate, channels and length that audioread parses
from ffmpeg's messages. A tag can mislead audioread, and raw streams state no length, so where the two differ the result
is compared with ffprobe, which reads the container's fields and its packets.
"""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import IO, Any, cast

import soundfile
from audioread import DecodeError, ffdec

from fmagc.audio.raw_audio import text_of
from fmagc.errors import Reason, RejectedTrack

__all__ = ["MOST_BYTES", "Program", "converted_to_au", "ffmpeg_program"]

# ffmpeg's demuxers of one file each. Playlists and the like name other files, which are not ours to read.
_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,avi,caf,dsf,dts,eac3,flac,flv,iff,loas,matroska,webm,mlp,mov,mp4,m4a,mp3,mpc,mpc8,mpeg,"
    "mpegts,ogg,oma,rm,tak,truehd,tta,voc,w64,wav,wv"
)
_NOT_LISTED = re.compile(r"\[([\w,]+)\] Format not on whitelist")
_WITHOUT_LENGTH = {"aac", "ac3", "dts", "eac3", "mp3"}  # raw streams: their length is a guess from the bit rate
_ONE_LOCAL_FILE = ["-protocol_whitelist", "file", "-format_whitelist", _FORMATS]

_TOLERANCE_S = 0.35  # encoders pad, decoders trim, and what is printed has a digit behind the point
_WARNED_TOLERANCE_S = 0.05  # where ffmpeg found a fault: a packet of most codecs, which may be junk behind the audio
MOST_BYTES = 8 << 30  # of the converted file, which lies on the disk: an hour of 6 channels at 96 kHz
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Program:
    """An ffmpeg that can be run, and how the ledger names it."""

    path: str
    version: str


@dataclass(frozen=True, slots=True)
class _Claim:
    """Sample rate in Hz, number of channels and length in seconds, as somebody states them."""

    sample_rate: int
    channels: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s, {self.sample_rate} Hz, {self.channels} channels"

    def agrees_with(self, other: "_Claim | None") -> bool:
        return (
            other is not None
            and (self.sample_rate, self.channels) == (other.sample_rate, other.channels)
            and abs(self.seconds - other.seconds) <= _TOLERANCE_S
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Probed:
    """The fields of a container: rate in Hz, channels, and the lengths of its packets and in its header, in seconds."""

    sample_rate: int
    channels: int
    packets_s: float | None
    declared_s: float | None


@cache
def ffmpeg_program() -> Program:
    """Find ffmpeg: the system's, or that of the package imageio-ffmpeg.

    Raises
    ------
    RejectedTrack
        With `Reason.NO_DECODER`, when there is none.
    """
    path = shutil.which("ffmpeg") or _packaged()
    if path is None:
        raise RejectedTrack(
            Reason.NO_DECODER,
            "audio.fallback is ffmpeg, but none is installed: install the system's, or fmagc with its extra ffmpeg",
        )
    said = subprocess.run([path, "-version"], capture_output=True, text=True, errors="replace", check=False).stdout
    return Program(path, " ".join(said.split()[0:3:2]))  # "ffmpeg version 5.1 Copyright ..."


def _packaged() -> str | None:
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return None


@contextmanager
def converted_to_au(path: Path) -> Iterator[tuple[IO[bytes], str]]:
    """Convert the first audio stream of a file, all of it, and check what came out.

    Parameters
    ----------
    path : Path
        A regular file.

    Yields
    ------
    au : binary file
        A temporary AU file of float samples, at the file's own rate and with its own channels.
    warnings : str
        What ffmpeg printed; empty as a rule.

    Raises
    ------
    RejectedTrack
        ``no_decoder``; ``not_audio`` where ffmpeg does not know the format either or there is no audio stream in it;
        ``decode_error``; ``truncated`` when the container declares or holds more than was decoded;
        ``decoder_disagrees`` when rate, channels or length are not what the container states.
    """
    program = ffmpeg_program()
    with tempfile.TemporaryFile() as au, tempfile.TemporaryFile() as log:
        status = _run(program, path, au, log)
        # addresses in memory and the file's place differ from run to run
        warnings = text_of(log, unwanted=rf" @ 0x[0-9a-f]+|{re.escape(_url(path))}: ")
        au.seek(0)
        try:
            with soundfile.SoundFile(au, closefd=False) as file:
                decoded = _Claim(file.samplerate, file.channels, file.frames / file.samplerate)
        except soundfile.SoundFileError:
            decoded = None
        if decoded is None or (status != 0 and decoded.seconds == 0):
            unknown = warnings.startswith(("Invalid data found", "Stream map"))  # no demuxer, or no audio in it
            if not_listed := _NOT_LISTED.match(warnings):
                unknown, warnings = True, f"its format {not_listed[1]} is not among those that hold music in one file"
            raise RejectedTrack(Reason.NOT_AUDIO if unknown else Reason.DECODE_ERROR, f"{program.version}: {warnings}")
        _verify(program, path, decoded, warnings)
        au.seek(0)
        yield au, warnings


def _run(program: Program, path: Path, au: IO[bytes], log: IO[bytes]) -> int:
    """Copy what ffmpeg writes into a file; through a pipe, so that it ends when this process is killed."""
    command = [program.path, "-nostdin", "-v", "error", "-threads", "1", "-err_detect", "crccheck", *_ONE_LOCAL_FILE]
    command += ["-i", _url(path), "-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log) as process:
        try:
            for block in iter(partial(cast("IO[bytes]", process.stdout).read, _BLOCK), b""):
                if au.tell() + len(block) > MOST_BYTES:
                    raise RejectedTrack(
                        Reason.TOO_LARGE,
                        f"{program.version}: more than {MOST_BYTES >> 30} GiB of samples: cut the file into parts",
                    )
                au.write(block)
        except BaseException:
            process.kill()
            raise
    return process.returncode


def _verify(program: Program, path: Path, decoded: _Claim, warnings: str) -> None:
    """Compare what was decoded with what was announced and, where they differ, with what the container holds."""
    announced = _announced(program, path)
    agreed = decoded.agrees_with(announced)
    if agreed and not warnings:
        return
    probed = _probe(path)
    if agreed and probed is None:
        return
    if probed is None:
        raise RejectedTrack(
            Reason.DECODER_DISAGREES,
            f"{program.version} decoded {decoded}, audioread read {announced or 'nothing'} from its messages: install "
            f"ffprobe, which reads the container itself; {warnings}".rstrip("; "),
        )
    if (decoded.sample_rate, decoded.channels) != (probed.sample_rate, probed.channels):
        raise RejectedTrack(
            Reason.DECODER_DISAGREES,
            f"{program.version} decoded {decoded}, ffprobe read {probed.sample_rate} Hz, {probed.channels} channels",
        )
    tolerance_s = _WARNED_TOLERANCE_S if warnings else _TOLERANCE_S
    for what, seconds in (("its packets hold", probed.packets_s), ("its header declares", probed.declared_s)):
        if seconds is not None and decoded.seconds + tolerance_s < seconds:
            raise RejectedTrack(
                Reason.TRUNCATED, f"decoded {decoded.seconds:.2f} s, {what} {seconds:.2f} s; {warnings}".rstrip("; ")
            )
    if probed.packets_s is not None and decoded.seconds > probed.packets_s + _TOLERANCE_S:
        raise RejectedTrack(
            Reason.DECODER_DISAGREES,
            f"{program.version} decoded {decoded.seconds:.2f} s, its packets hold {probed.packets_s:.2f} s",
        )


def _announced(program: Program, path: Path) -> _Claim | None:
    """Read with audioread what ffmpeg prints of a file before it decodes it."""
    ffdec.COMMANDS = (program.path,)  # audioread looks for the name alone, and ours may have another
    try:
        with ffdec.FFmpegAudioFile(str(path.absolute())) as file:
            return _Claim(file.samplerate, file.channels, file.duration)
    except (DecodeError, OSError):
        return None


def _probe(path: Path) -> _Probed | None:
    """Read rate and channels, the length of the packets and the declared length with ffprobe, if it is installed."""
    program = shutil.which("ffprobe")
    if program is None:
        return None
    wanted = "stream=sample_rate,channels,duration:stream_tags=DURATION:format=format_name,duration"
    command = [program, "-v", "error", *_ONE_LOCAL_FILE, "-select_streams", "a:0", "-of", "json"]
    command += ["-show_entries", f"{wanted}:packet=duration_time", _url(path)]
    said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).stdout
    try:
        read: dict[str, Any] = json.loads(said)
        stream, container = read["streams"][0], read["format"]
        lengths = [float(packet["duration_time"]) for packet in read["packets"] if "duration_time" in packet]
        has_length = not _WITHOUT_LENGTH & set(container["format_name"].split(","))
        declared = stream.get("duration") or stream.get("tags", {}).get("DURATION") or container.get("duration")
        return _Probed(
            sample_rate=int(stream["sample_rate"]),
            channels=int(stream["channels"]),
            packets_s=sum(lengths) if len(lengths) == len(read["packets"]) else None,
            declared_s=_seconds(declared) if declared and has_length else None,
        )
    except (ValueError, KeyError, IndexError):
        return None


def _seconds(text: str) -> float:
    """Read seconds, or hours, minutes and seconds as Matroska's tags have them."""
    seconds = 0.0
    for part in text.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


def _url(path: Path) -> str:
    """Name a file so that ffmpeg takes no part of its name for a protocol."""
    return f"file:{path.absolute()}"
