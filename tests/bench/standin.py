"""A stand-in for FMA-small: every track that a list names, with its true form and another content.

``python -m tests.bench.standin LIST OUT`` writes ``OUT/fma_small`` and ``OUT/fma_metadata`` in FMA's layout. LIST is a
table of tracks, tab-separated: ``track_id``, ``genre_top``, ``set_split``, ``artist_id``, ``artist_name``, ``title``,
``sample_rate``, ``duration_s`` (empty: the file holds no audio) and ``known_bad``. Sixty clips of the demo's music are
encoded, and their frames strung together to the listed lengths; no two files are alike. 8,000 tracks take 8 GB.

What the list lacks is made up: channels and bit rates (shares like FMA's: mostly stereo, 263 kbit/s on average), an
artist for a track without one, and a validation set where it names training and test alone. ``--tracks`` takes fewer
rows, evenly spaced, the bad ones among them.
"""

import argparse
import csv
import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from fmagc.corpus.fma.layout import track_file
from fmagc.demo.catalogue import Act, Defect, Demo, catalogue
from fmagc.demo.rules import GENRES
from fmagc.demo.tables import genres_csv, tracks_csv
from fmagc.runtime.files import file_sha1
from fmagc.runtime.free_space import require_space
from tests.bench.splice import Clip, Kind, encode_clip, splice
from tests.support.audio_files import id3

__all__ = ["NAME", "Listed", "read_list", "thinned", "write_standin"]

NAME = "fma_small"
DELAY = 529  # samples that decoders cut off where an Info header comes first
JUDGED = 100  # tracks a genre in FMA-small's validation set, and as many in its test set

# kind -> (clips to encode, share among the kinds of its sample rate)
KINDS = {
    Kind(44100, 2, 320): (14, 0.50),
    Kind(44100, 2, 256): (10, 0.25),
    Kind(44100, 2, 192): (8, 0.12),
    Kind(44100, 2, 128): (6, 0.08),
    Kind(44100, 1, 128): (6, 0.05),
    Kind(48000, 2, 256): (8, 1.0),
    Kind(22050, 2, 64): (4, 0.5),
    Kind(22050, 1, 64): (4, 0.5),
}
_RULES = {rules.title: rules for rules in GENRES}
_PLACES = {"training": 0, "validation": 6, "test": 9}  # of acts of the demo that are in these sets
_UNKNOWN_ARTISTS = 100_000  # their ids begin here, above FMA's


@dataclass(frozen=True)
class Listed(Demo):
    """A row of the list, as a track of the demo's tables.

    Attributes
    ----------
    own_title : str
    n_samples : int, samples per channel
        What FMA's file decodes to; 0 where it holds no audio.
    bad : bool
        Whether it is too short or holds no audio.
    kind : Kind or None
        Of the file; None where it holds no audio.
    """

    own_title: str
    n_samples: int
    bad: bool
    kind: Kind | None

    @property
    def title(self) -> str:
        """The track's true name."""
        return self.own_title

    @property
    def n_frames(self) -> int:
        return -(-self.n_samples // self.kind.samples_per_frame) if self.kind else 0

    def encode(self, clips: dict[Kind, list[Clip]]) -> bytes:
        """Make the file's bytes."""
        if self.kind is None:
            return id3(1800 - self.track_id % 100)  # no two alike
        whole = self.n_frames * self.kind.samples_per_frame
        info = self.n_samples == whole - DELAY
        assert info or self.n_samples == whole, f"track {self.track_id}: no MP3 decodes to {self.n_samples} samples"
        return splice(clips[self.kind], n_frames=self.n_frames, info=info, seed=self.track_id)

    @property
    def most_bytes(self) -> int:
        """The length of the file, at most."""
        return (self.n_frames + 1) * (self.kind.frame_bytes(b"\0\0\2\0") if self.kind else 1800)


def main() -> None:
    """Read the list and write the corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tracks", type=int, help="fewer than the list has")
    arguments = parser.parse_args()
    tracks = read_list(arguments.list)
    write_standin(arguments.out, thinned(tracks, arguments.tracks or len(tracks)))


def read_list(path: Path) -> list[Listed]:
    """Read the list, and make up what it lacks."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, dialect="excel-tab"))
    sets = _sets(rows)
    return [_track(row, sets[row["track_id"]]) for row in rows]


def thinned(tracks: Sequence[Listed], n_tracks: int) -> list[Listed]:
    """Take the bad tracks and, evenly spaced, so many of the others that there are `n_tracks`."""
    bad, sound = ([track for track in tracks if track.bad is kind] for kind in (True, False))
    wanted = n_tracks - len(bad)
    chosen = bad + [sound[place * len(sound) // wanted] for place in range(wanted)]
    return sorted(chosen, key=lambda track: track.track_id)


def write_standin(root: Path, tracks: Sequence[Listed]) -> None:
    """Write the corpus.

    Raises
    ------
    DataError
        When the disk lacks room.
    """
    audio, metadata = root / NAME, root / "fma_metadata"
    for folder in {audio / Path(track_file(track.track_id)).parent for track in tracks} | {metadata}:
        folder.mkdir(parents=True)
    require_space(root, sum(track.most_bytes for track in tracks), what=f"{len(tracks)} stand-ins")
    clips = _clips()
    sums: dict[str, str] = {}
    for track in tqdm(tracks, unit="track", desc="stand-ins"):
        data = track.encode(clips)
        (audio / track_file(track.track_id)).write_bytes(data)
        sums[track_file(track.track_id)] = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    assert len(set(sums.values())) == len(sums), "two files are alike"
    (audio / "checksums").write_text(_checksums(sums), encoding="utf-8")
    (metadata / "tracks.csv").write_text(tracks_csv(tracks), encoding="utf-8")
    (metadata / "genres.csv").write_text(genres_csv(tracks), encoding="utf-8")
    tables = {path.name: file_sha1(path) for path in sorted(metadata.iterdir())}
    (metadata / "checksums").write_text(_checksums(tables), encoding="utf-8")


def _clips() -> dict[Kind, list[Clip]]:
    """Encode clips of each kind, out of the music of as many tracks of the demo."""
    music = iter(track for track in catalogue() if track.defect is Defect.NONE)
    plan = [kind for kind, (n_clips, _) in KINDS.items() for _ in range(n_clips)]
    clips: dict[Kind, list[Clip]] = {kind: [] for kind in KINDS}
    for kind in tqdm(plan, unit="clip", desc="clips"):
        clips[kind].append(encode_clip(kind, next(music)))
    return clips


def _track(row: dict[str, str], split: str) -> Listed:
    track_id = int(row["track_id"])
    artist_id = int(row["artist_id"] or _UNKNOWN_ARTISTS + track_id)
    act = Act(artist_id, row["artist_name"] or "Unknown", _RULES[row["genre_top"]], _PLACES[split])
    kind = _kind(int(row["sample_rate"]), track_id) if row["duration_s"] else None
    seconds = float(row["duration_s"] or 0)
    return Listed(
        track_id=track_id,
        act=act,
        number=1,
        sr=kind.sr if kind else 0,
        channels=kind.channels if kind else 0,
        seconds=seconds,
        defect=Defect.NONE if kind else Defect.EMPTY,
        own_title=row["title"],
        n_samples=round(seconds * kind.sr) if kind else 0,
        bad=row["known_bad"] == "1",
        kind=kind,
    )


def _kind(sr: int, track_id: int) -> Kind:
    kinds = [kind for kind in KINDS if kind.sr == sr]
    return random.Random(track_id).choices(kinds, [KINDS[kind][1] for kind in kinds])[0]


def _sets(rows: Sequence[dict[str, str]]) -> dict[str, str]:
    """Give every track a set, so that validation and test have as many of each genre as FMA-small's.

    Tracks of unknown set fill up the test set, the sound ones first to last, and are in training otherwise, as the bad
    ones are. The validation set is drawn from the artists who have all their tracks in training and in one genre.
    """
    sets = {row["track_id"]: row["set_split"] or "training" for row in rows}
    left = Counter({row["genre_top"]: JUDGED for row in rows})
    left.subtract(row["genre_top"] for row in rows if row["set_split"] == "test")
    for row in rows:
        if not row["set_split"] and row["known_bad"] == "0" and left[row["genre_top"]] > 0:
            sets[row["track_id"]] = "test"
            left[row["genre_top"]] -= 1
    left = Counter(dict.fromkeys(left, JUDGED))
    for tracks in _artists(rows):
        genres = {row["genre_top"] for row in tracks}
        apart = len(genres) == 1 and all(row["set_split"] == "training" for row in tracks)
        if apart and len(tracks) <= left[genre := genres.pop()]:
            sets.update((row["track_id"], "validation") for row in tracks)
            left[genre] -= len(tracks)
    return sets


def _artists(rows: Sequence[dict[str, str]]) -> list[list[dict[str, str]]]:
    """Return the tracks of each artist that the list names, artists in random order."""
    artists: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        if row["artist_id"]:
            artists.setdefault(row["artist_id"], []).append(row)
    return random.Random(0).sample(list(artists.values()), len(artists))


def _checksums(sums: dict[str, str]) -> str:
    return "".join(f"{sha1}  {name}\n" for name, sha1 in sums.items())


if __name__ == "__main__":
    main()
