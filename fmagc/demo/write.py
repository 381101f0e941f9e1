"""Writer of the demo: MP3s by several processes, then checksums and tables."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import lameenc
from tqdm import tqdm

from fmagc.corpus.fma.layout import track_file
from fmagc.demo.artists import draw_artist
from fmagc.demo.catalogue import Defect, Demo, catalogue
from fmagc.demo.mix import render
from fmagc.demo.tables import genres_csv, tracks_csv
from fmagc.errors import DataError, RejectedTrack
from fmagc.runtime.files import digest, file_sha1, write_bytes, write_text
from fmagc.runtime.worker_pool import map_isolated

__all__ = ["encode", "write_demo", "write_tracks"]

# Of the code that makes the music: a demo of another edition is made anew.
_EDITION = digest(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))))
_KBIT_S = 128
_FASTEST = 7  # of LAME's qualities, of which 0 is the slowest
_TRACK_TIMEOUT_S = 600.0
_EMPTY_BYTES = 1800  # FMA's files without audio are about this long

_TITLE = "The demo corpus of fmagc"
_README = f"""{_TITLE}
========================
Edition {_EDITION}

Music of eight invented genres, synthesised by fmagc.demo and laid out like the Free Music Archive dataset
(FMA). The genres carry the names and ids of FMA-small's, but each is a handful of rules: scores reached here say
nothing about real music. Names, dates, texts and counts in the tables are invented too.

192 clips of 15 s, 24 a genre by 12 artists, artists apart in training, validation and test (6/3/3 a genre). On
purpose, as in FMA-small, three files hold 0.5 to 1.6 s, three hold tags and no audio, some are mono, some have 48 or
22.05 kHz, and some are loud enough to decode above full scale. CC0 1.0.
"""


def write_demo(root: Path) -> None:
    """Write the files of the demo corpus that are missing.

    Makes ``fma_demo/000/000002.mp3`` and so on, ``fma_demo/checksums`` and ``fma_metadata/`` with ``tracks.csv``,
    ``genres.csv`` and ``checksums``, each file atomically: after a kill the next call makes what is missing.

    The samples before encoding are the same on every machine (see `fmagc.demo.signals` for what that rests
    on). The bytes of the MP3s rest, beyond that, on the LAME encoder inside lameenc: another version of it may write
    other bytes and the same music.

    Parameters
    ----------
    root : Path
        Folder in which ``fma_demo`` and ``fma_metadata`` are made.
    """
    audio, metadata = root / "fma_demo", root / "fma_metadata"
    tracks = catalogue()
    _retire_other_edition(audio)
    write_tracks(audio, tracks)
    names = [track_file(track.track_id) for track in tracks]
    write_text(audio / "checksums", _checksums(audio, names))
    tables = {"README.txt": _README, "genres.csv": genres_csv(tracks), "tracks.csv": tracks_csv(tracks)}
    for name, text in tables.items():
        write_text(metadata / name, text)
    write_text(metadata / "checksums", _checksums(metadata, sorted(tables)))


def write_tracks(audio: Path, tracks: Sequence[Demo]) -> None:
    """Write the tracks that are missing, on all usable cores."""
    missing = [track for track in tracks if not (audio / track_file(track.track_id)).exists()]
    if not missing:
        return
    outcomes = map_isolated(partial(_write_track, audio), missing, timeout_s=_TRACK_TIMEOUT_S)
    for outcome in tqdm(outcomes, total=len(missing), unit="track", desc="demo"):
        if isinstance(outcome.result, RejectedTrack):
            raise DataError(f"{audio}: track {outcome.task.track_id} could not be made: {outcome.result.detail}")


def encode(track: Demo) -> bytes:
    """Synthesise a track and encode it as MP3; return the bytes of the file."""
    if track.defect is Defect.EMPTY:
        return _tags_only(track)
    artist = draw_artist(track.act.rules, seed=track.act.artist_id)
    y = render(
        artist,
        track_id=track.track_id,
        sr=track.sr,
        channels=track.channels,
        seconds=track.seconds,
        hot=track.act.hot,
    )
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_in_sample_rate(track.sr)
    encoder.set_channels(track.channels)
    encoder.set_bit_rate(_KBIT_S)
    encoder.set_quality(_FASTEST)
    return bytes(encoder.encode(y.astype("<i2").tobytes()) + encoder.flush())


def _write_track(audio: Path, track: Demo) -> None:
    write_bytes(audio / track_file(track.track_id), encode(track))


def _tags_only(track: Demo) -> bytes:
    """Build an ID3v2.3 tag without audio behind it (layout: id3.org, ID3v2.3.0, sections 3.1, 3.3 and 4.11)."""
    texts = {"TIT2": track.title, "TPE1": track.act.name, "TCON": track.act.rules.title}
    frames = b"".join(_frame(name, b"\0" + text.encode("latin-1")) for name, text in texts.items())
    frames += bytes(_EMPTY_BYTES - 10 - len(frames))  # padding
    size = bytes(len(frames) >> shift & 0x7F for shift in (21, 14, 7, 0))  # seven bits a byte
    return b"ID3\x03\x00\x00" + size + frames


def _frame(name: str, content: bytes) -> bytes:
    return name.encode("ascii") + len(content).to_bytes(4, "big") + b"\0\0" + content


def _checksums(folder: Path, names: Sequence[str]) -> str:
    return "".join(f"{file_sha1(folder / name)}  {name}\n" for name in names)


def _retire_other_edition(audio: Path) -> None:
    """Remove the MP3s of another edition; the README, which names the edition, is written before any track."""
    readme = audio / "README.txt"
    ours = readme.exists() and readme.read_text(encoding="utf-8", errors="replace").startswith(_TITLE)
    if not ours and next(audio.rglob("*.mp3"), None):
        raise DataError(f"{audio}: expected the demo or an empty folder, found MP3s of your own: move them away")
    if not readme.exists() or readme.read_text(encoding="utf-8") != _README:
        for path in audio.rglob("*.mp3"):
            path.unlink()
        write_text(readme, _README)
