"""Checks before decoding: a regular file with the expected checksum, of the format that its name claims."""

import errno
import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

from fmagc.audio import mpeg_frames
from fmagc.errors import Reason, RejectedTrack

__all__ = ["Source", "mpeg_audio", "not_mp3", "read_source", "summary"]

_REASONS = {
    errno.ENOENT: Reason.MISSING_FILE,
    errno.ENOTDIR: Reason.MISSING_FILE,
    errno.ELOOP: Reason.NOT_REGULAR_FILE,
}


@dataclass(frozen=True, slots=True)
class Source:
    """One file.

    Attributes
    ----------
    data : bytes
    sha1 : str
    audio : MpegAudio or None
        What its frame headers say, one frame of layer III or more, if the name ends with .mp3; else None.
    """

    data: bytes
    sha1: str
    audio: mpeg_frames.MpegAudio | None


def read_source(path: Path, *, expected_sha1: str | None, listed_sha1: str) -> Source:
    """Read a file, compare its checksums, and check that a file named .mp3 is an MP3.

    Parameters
    ----------
    path : Path
    expected_sha1, listed_sha1 : str
        As for `decode`; None where there is no manifest.

    Raises
    ------
    RejectedTrack
    """
    data = _read_regular_file(path)
    sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    for source, wanted in (
        ("manifest", sha1 if expected_sha1 is None else expected_sha1),
        ("archive's list", listed_sha1 or sha1),
    ):
        if sha1 != wanted.lower():
            raise RejectedTrack(
                Reason.CHECKSUM_MISMATCH, f"sha1 of the {source} {wanted or 'none'}, of the file {sha1}"
            )
    return Source(data, sha1, mpeg_audio(data) if path.suffix.lower() == ".mp3" else None)


def mpeg_audio(data: bytes) -> mpeg_frames.MpegAudio:
    """Count the frames of an MP3.

    Raises
    ------
    RejectedTrack
        When there is not one of layer III.
    """
    audio = mpeg_frames.scan(data)
    if audio is not None and audio.layer != 3:
        raise RejectedTrack(Reason.NOT_MP3, f"MPEG audio layer {audio.layer}, expected 3")
    if audio is not None and audio.frames > 0:
        return audio
    if audio is not None or mpeg_frames.only_tags(data):
        raise RejectedTrack(Reason.NO_AUDIO, f"{len(data)} bytes, not one audio frame")
    raise not_mp3(data)


def summary(data: bytes) -> str:
    """Describe a file by its size and first bytes, which identify it when it is not an MP3."""
    return f"{len(data)} bytes, " + (f"begins with {data[:8].hex(' ')}" if data else "empty")


def not_mp3(data: bytes) -> RejectedTrack:
    """Reject a file for its content."""
    return RejectedTrack(Reason.NOT_MP3, summary(data))


def _read_regular_file(path: Path) -> bytes:
    """Read a whole file, after checking its type: opening a FIFO would wait for a writer."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise RejectedTrack(Reason.NOT_REGULAR_FILE, f"file type {stat.filemode(mode)[0]}")
        return path.read_bytes()
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, Reason.UNREADABLE_FILE)
        raise RejectedTrack(reason, error.strerror or str(error)) from error
