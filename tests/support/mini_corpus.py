"""A corpus of thirty short clips in FMA's layout, cut out of the demo: what the tests of the line run on."""

import itertools
from dataclasses import replace
from pathlib import Path

from fmagc.corpus.fma.layout import track_file
from fmagc.demo.catalogue import Defect, Demo, catalogue
from fmagc.demo.tables import genres_csv, tracks_csv
from fmagc.demo.write import write_tracks
from fmagc.runtime.files import file_sha1, write_text

NAME = "fma_mini"
SECONDS = 6.0  # of a sound clip: four times what a network reads at once


def mini_tracks() -> list[Demo]:
    """Choose the beginning of a sound clip of every genre and set, and the demo's six broken files."""
    tracks = catalogue()
    sound = [track for track in tracks if track.defect is Defect.NONE]
    key = lambda track: (track.act.rules.title, track.act.split)  # noqa: E731
    chosen = [replace(next(group), seconds=SECONDS) for _, group in itertools.groupby(sorted(sound, key=key), key=key)]
    broken = [track for track in tracks if track.defect is not Defect.NONE]
    return sorted(chosen + broken, key=lambda track: track.track_id)


def write_mini(root: Path) -> list[Demo]:
    """Write the corpus below `root` and return its tracks."""
    tracks = mini_tracks()
    write_tracks(root / NAME, tracks)
    names = [track_file(track.track_id) for track in tracks]
    write_text(root / NAME / "checksums", "".join(f"{file_sha1(root / NAME / name)}  {name}\n" for name in names))
    write_text(root / "fma_metadata" / "tracks.csv", tracks_csv(tracks))
    write_text(root / "fma_metadata" / "genres.csv", genres_csv(tracks))
    return tracks
