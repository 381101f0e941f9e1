"""The demo's catalogue: 192 tracks, their artists, splits, formats and defects."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from fmagc.demo.artists import Dice
from fmagc.demo.rules import GENRES, GenreRules

__all__ = ["CLIP_S", "Act", "Defect", "Demo", "catalogue"]

CLIP_S = 15.0
ARTISTS = 12  # a genre
TRACKS = 2  # an artist
_SPLITS = ("training",) * 6 + ("validation",) * 3 + ("test",) * 3  # by an artist's place in its genre
_MONO = (1, 4, 7, 10)  # places of the artists who record in mono
_HOT = (2, 6, 9)  # and of those whose mixes clip
_FOLDERS, _PER_FOLDER = 6, 1000


class Defect(StrEnum):
    """The defect of a file, of the kinds that FMA-small has."""

    NONE = ""
    SHORT = "short"  # a second or so of music
    EMPTY = "empty"  # tags, no audio


@dataclass(frozen=True)
class Act:
    """An artist of the catalogue; `place` is the number within the genre, from 0."""

    artist_id: int
    name: str
    rules: GenreRules
    place: int

    @property
    def split(self) -> str:
        """Return the artist's set in FMA's terms: training, validation or test."""
        return _SPLITS[self.place]

    @property
    def hot(self) -> bool:
        """Tell whether the artist's mixes clip at full scale."""
        return self.place in _HOT


@dataclass(frozen=True)
class Demo:
    """A track of the demo."""

    track_id: int
    act: Act
    number: int  # among the artist's tracks, from 1
    sr: int
    channels: int
    seconds: float
    defect: Defect

    @property
    def title(self) -> str:
        """Return the track's invented title."""
        return f"{self.act.rules.title} Study No. {2 * self.act.place + self.number}"


# genre -> (defect, seconds): all belong to the second track of the genre's first artist, who is in training
_DEFECTS = {
    "Experimental": (Defect.SHORT, 0.5),
    "Rock": (Defect.SHORT, 1.1),
    "Electronic": (Defect.SHORT, 1.6),
    "Folk": (Defect.EMPTY, 0.0),
    "Hip-Hop": (Defect.EMPTY, 0.0),
    "International": (Defect.EMPTY, 0.0),
}
_FIRST = (
    "Amber",
    "Paper",
    "Northern",
    "Seven",
    "Velvet",
    "Little",
    "Copper",
    "Slow",
    "Hollow",
    "Second",
    "Blue",
    "Iron",
)
_LAST = ("Foxes", "Harbour", "Radio", "Lanterns", "Orchard", "Parade", "Rivers", "Engine")


def catalogue() -> list[Demo]:
    """List the demo's tracks by rising id; genres and artists are spread over ids and folders."""
    dice = Dice(0, 0)
    acts = [
        Act(1 + len(GENRES) * place + index, f"{_FIRST[place]} {_LAST[(index + place) % len(_LAST)]}", rules, place)
        for index, rules in enumerate(GENRES)
        for place in range(ARTISTS)
    ]
    slots = [(act, number) for act in acts for number in range(1, TRACKS + 1)]
    order = np.argsort(dice.rng.random(len(slots)), kind="stable")
    ids = _ids(len(slots), dice)
    return [_track(track_id, *slots[slot]) for track_id, slot in zip(ids, order, strict=True)]


def _ids(wanted: int, dice: Dice) -> list[int]:
    """Choose ids with gaps, as many in each folder; the first is 2, as in FMA."""
    ids: list[int] = []
    share = wanted // _FOLDERS
    for folder in range(_FOLDERS):
        places = np.argsort(dice.rng.random(_PER_FOLDER - 2), kind="stable")[:share] + 2
        ids.extend(folder * _PER_FOLDER + int(place) for place in sorted(places))
    return [2, *ids[1:]]


def _track(track_id: int, act: Act, number: int) -> Demo:
    defect, seconds = _DEFECTS.get(act.rules.title, (Defect.NONE, CLIP_S))
    if act.place != 0 or number != TRACKS:
        defect, seconds = Defect.NONE, CLIP_S
    sr = 44100
    if (act.place == 3 and number == TRACKS) or (act.place == 11 and number == 1):
        sr = 48000
    elif act.place == 5 and number == 1 and act.rules.genre_id % 2 == 0:
        sr = 22050
    return Demo(track_id, act, number, sr, 1 if act.place in _MONO else 2, seconds, defect)
