"""The demo's metadata in FMA's columns, with free text as awkward as FMA's: markup, quotes, line breaks."""

import csv
import io
from collections.abc import Iterable

from fmagc.demo.artists import Dice
from fmagc.demo.catalogue import Defect, Demo
from fmagc.demo.rules import GENRES

__all__ = ["COLUMNS", "genres_csv", "tracks_csv"]

_GROUPS = {
    "album": "comments date_created date_released engineer favorites id information listens producer tags title tracks "
    "type",
    "artist": "active_year_begin active_year_end associated_labels bio comments date_created favorites id latitude "
    "location longitude members name related_projects tags website wikipedia_page",
    "set": "split subset",
    "track": "bit_rate comments composer date_created date_recorded duration favorites genre_top genres genres_all "
    "information interest language_code license listens lyricist number publisher tags title",
}
COLUMNS = tuple((group, name) for group, names in _GROUPS.items() for name in names.split())  # FMA's 52, in order

_PROSE = (
    "",
    "<p>Recorded in a kitchen, on two evenings, with one microphone.</p>",
    '<p>"Nobody ordered this", wrote the neighbours;<br />\n<br />\nso we made another one.</p>',
    '<div><a href="https://example.org/notes?a=1&amp;b=2">Liner notes</a>,\n<em>revised</em></div>',
    "<p>Šedé ráno, déjà vu &amp; größere Pläne; 春の歌</p>",
)
_PLACES = ("", "Riverside, Somewhere", "Göteborg", "Under the bridge,\nsecond door")
_MEMBERS = ("", "A. (drums), B. (everything else)", "Three people\nand a machine")
_TAGS = ("[]", "['demo']", "['late night', 'four track']", "[\"it's live\", 'a, b']")


def tracks_csv(tracks: Iterable[Demo]) -> str:
    """Return tracks.csv: three header rows, then a row a track."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["", *(group for group, _ in COLUMNS)])
    rows.writerow(["", *(name for _, name in COLUMNS)])
    rows.writerow(["track_id", *[""] * len(COLUMNS)])
    for track in tracks:
        cells = _cells(track)
        rows.writerow([track.track_id, *(cells.get(column, "") for column in COLUMNS)])
    return text.getvalue()


def genres_csv(tracks: Iterable[Demo]) -> str:
    """Return genres.csv: the demo's eight roots, with FMA's ids."""
    titles = [track.act.rules.title for track in tracks]
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["genre_id", "#tracks", "parent", "title", "top_level"])
    for rules in sorted(GENRES, key=lambda rules: rules.genre_id):
        rows.writerow([rules.genre_id, titles.count(rules.title), 0, rules.title, rules.genre_id])
    return text.getvalue()


def _cells(track: Demo) -> dict[tuple[str, str], object]:
    """Return the cells of a track's row; other columns stay empty, as most of FMA's are."""
    act, genre = track.act, track.act.rules
    artist = _artist_cells(track)
    dice = Dice(5, track.track_id)
    own = {
        "bit_rate": 0 if track.defect is Defect.EMPTY else 256000 if track.channels == 2 else 64000,
        "comments": _count(dice, 4),
        "composer": dice.pick(("", "", "Trad., arr. " + act.name)),
        "date_created": _date(dice, 2013, 2016),
        "duration": 90 + _count(dice, 240),  # of the whole track, of which the clip is the middle
        "favorites": _count(dice, 30),
        "genre_top": genre.title,
        "genres": f"[{genre.genre_id}]",
        "genres_all": f"[{genre.genre_id}]",
        "information": dice.pick(_PROSE),
        "interest": 100 + _count(dice, 9000),
        "language_code": dice.pick(("", "en")),
        "license": "CC0 1.0 Universal",
        "listens": 50 + _count(dice, 6000),
        "number": track.number,
        "tags": dice.pick(_TAGS),
        "title": track.title,
    }
    return artist | {("track", name): value for name, value in own.items()}


def _artist_cells(track: Demo) -> dict[tuple[str, str], object]:
    """Return the cells that all rows of an artist share: artist, album, split."""
    act = track.act
    dice = Dice(4, act.artist_id)
    begin = 1985 + _count(dice, 25)
    located = dice.chance(0.5)
    album = {
        "comments": _count(dice, 5),
        "date_created": _date(dice, 2009, 2012),
        "date_released": dice.pick(("", _date(dice, 2005, 2009))),
        "engineer": dice.pick(("", "The band, mostly")),
        "favorites": _count(dice, 20),
        "id": 200 + act.artist_id if dice.chance(0.95) else -1,
        "information": dice.pick(_PROSE),
        "listens": 500 + _count(dice, 40000),
        "producer": dice.pick(("", "Nobody, really")),
        "tags": dice.pick(_TAGS),
        "title": f"{act.name}, Volume One",
        "tracks": 8 + _count(dice, 8),
        "type": dice.pick(("Album", "Single Tracks", "")),
    }
    person = {
        "active_year_begin": dice.pick(("", f"{begin}-01-01 00:00:00")),
        "associated_labels": dice.pick(("", "Tin Can, Second Tin Can")),
        "bio": dice.pick(_PROSE),
        "comments": _count(dice, 5),
        "date_created": _date(dice, 2008, 2011),
        "favorites": _count(dice, 60),
        "id": act.artist_id,
        "latitude": f"{dice.uniform(-60, 60):.6f}" if located else "",
        "location": dice.pick(_PLACES),
        "longitude": f"{dice.uniform(-180, 180):.6f}" if located else "",
        "members": dice.pick(_MEMBERS),
        "name": act.name,
        "tags": f"['{act.name.lower()}']",
        "website": dice.pick(("", "https://example.org/")),
    }
    cells: dict[tuple[str, str], object] = {("album", name): value for name, value in album.items()}
    cells |= {("artist", name): value for name, value in person.items()}
    return cells | {("set", "split"): act.split, ("set", "subset"): "small"}


def _count(dice: Dice, limit: int) -> int:
    return int(dice.uniform(0, limit))


def _date(dice: Dice, first: int, last: int) -> str:
    """Draw a date and time; nothing in the demo depends on the clock."""
    year, month, day = (int(dice.uniform(*span)) for span in ((first, last + 1), (1, 13), (1, 29)))
    return f"{year}-{month:02d}-{day:02d} {_count(dice, 24):02d}:{_count(dice, 60):02d}:{_count(dice, 60):02d}"
