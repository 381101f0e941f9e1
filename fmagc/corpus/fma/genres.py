"""FMA's tree of genres."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from re import compile as pattern

import pandas as pd

from fmagc.corpus.csv_reader import Faults, records
from fmagc.corpus.local.file_names import is_invalid
from fmagc.errors import DataError, format_list, format_value

__all__ = ["ROOT", "Genre", "GenreTree", "read_genres"]

ROOT = 0  # the parent of a root genre
_COLUMNS = ("genre_id", "parent", "title")
_NUMBER = pattern(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Genre:
    """One row of genres.csv."""

    genre_id: int
    parent: int  # ROOT, or the genre_id of the genre above
    title: str


class GenreTree:
    """Genres by id, each below its parent.

    Parameters
    ----------
    genres : iterable of Genre
        Without cycles or orphans, which `read_genres` refuses.
    """

    def __init__(self, genres: Iterable[Genre]) -> None:
        self._genres = {genre.genre_id: genre for genre in genres}

    def __len__(self) -> int:
        return len(self._genres)

    def __contains__(self, genre_id: int) -> bool:
        return genre_id in self._genres

    def __getitem__(self, genre_id: int) -> Genre:
        return self._genres[genre_id]

    @property
    def roots(self) -> list[str]:
        """Return the titles of the root genres, the only ones that a track's genre_top may name."""
        return [genre.title for genre in self._genres.values() if genre.parent == ROOT]

    def lineage(self, genre_id: int) -> list[Genre]:
        """Return a genre and all genres above it, its root last."""
        lineage = [self._genres[genre_id]]
        while lineage[-1].parent != ROOT:
            lineage.append(self._genres[lineage[-1].parent])
        return lineage

    def depth(self, genre_id: int) -> int:
        """Return a genre's level: 0 for a root, 1 for what lies right below one."""
        return len(self.lineage(genre_id)) - 1

    def closure(self, genre_ids: Iterable[int]) -> frozenset[int]:
        """Return genres with all genres above them."""
        return frozenset(above.genre_id for genre_id in genre_ids for above in self.lineage(genre_id))

    def choose(self, choice: int | Sequence[int | str] | None) -> frozenset[int]:
        """Return the ids of the genres that `index.genres` names.

        Parameters
        ----------
        choice : int or sequence of int and str, optional
            A level, or titles and ids; all genres when None.

        Raises
        ------
        DataError
            With all names that no genre has, all genres that are named twice, or a level without genres.
        """
        if choice is None:
            return frozenset(self._genres)
        if isinstance(choice, int):
            chosen = [genre_id for genre_id in self._genres if self.depth(genre_id) == choice]
            deepest = max(map(self.depth, self._genres))
            if not chosen:
                raise DataError(f"index.genres: expected a level from 0 to {deepest} of genres.csv, found {choice}")
            return frozenset(chosen)
        ids = {genre.title: genre.genre_id for genre in self._genres.values()}
        found = [name if isinstance(name, int) else ids.get(name, ROOT) for name in choice]
        unknown = [format_value(name) for name, genre_id in zip(choice, found, strict=True) if genre_id not in self]
        if unknown:
            raise DataError(f"index.genres: expected titles or ids of genres.csv, found {format_list(unknown)}")
        twice = sorted({self[genre_id].title for genre_id in found if found.count(genre_id) > 1})
        if twice:
            raise DataError(f"index.genres: expected every genre once, found {format_list(twice)} more than once")
        return frozenset(found)

    def table(self, classes: Collection[str]) -> pd.DataFrame:
        """Tell how classes lie to one another.

        Parameters
        ----------
        classes : collection of str
            Titles of genres of the tree.

        Returns
        -------
        pd.DataFrame
            As `corpus.index.read_genre_table`.
        """
        lineages = {genre.title: self.lineage(genre.genre_id) for genre in self._genres.values()}
        above = {title: [g.title for g in lineages[title][1:] if g.title in classes] for title in sorted(classes)}
        inner = {parent for parents in above.values() for parent in parents}
        rows = [
            (title, next(iter(parents), ""), len(lineages[title]) - 1, title not in inner)
            for title, parents in above.items()
        ]
        return pd.DataFrame(rows, columns=["genre", "parent", "depth", "is_leaf"])

    def classes_of(self, genre_ids: Iterable[int], *, chosen: frozenset[int]) -> list[str]:
        """Return the chosen genres that a track's genres fall under.

        Each genre counts for the nearest chosen one at or above it. Of two classes, one above the other, the lower
        counts: where Rock and Punk are chosen, a track of both is Punk.

        Returns
        -------
        list of str
            Titles, sorted.
        """
        lineages = [[genre.genre_id for genre in self.lineage(genre_id)] for genre_id in genre_ids]
        nearest = {next((above for above in lineage if above in chosen), ROOT) for lineage in lineages} - {ROOT}
        general = {genre.genre_id for class_ in nearest for genre in self.lineage(class_)[1:]}
        return sorted(self[class_].title for class_ in nearest - general)


def read_genres(path: Path) -> GenreTree:
    """Read genres.csv.

    Raises
    ------
    DataError
        With all offending rows, also those whose parent is missing or lies below themselves, or when the file is not
        FMA's genres.csv.
    """
    faults = Faults(path)
    rows = records(path, faults)
    _, header = next(rows, (1, []))
    faults.repeated_columns(header)
    missing = [column for column in _COLUMNS if column not in header]
    if missing:
        faults.wrong_table(missing, header)
    faults.refuse()
    lines, titles = defaultdict(list), defaultdict(list)
    genres: dict[int, tuple[Genre, int]] = {}
    for line, cells in rows:
        if len(cells) != len(header):
            faults.add(f"expected {len(header)} cells a row", f"{len(cells)} in line {line}")
            continue
        genre_id, parent, title = (cells[header.index(column)] for column in _COLUMNS)
        numbers = {"genre_id": genre_id, "parent": parent}
        wrong = [column for column, value in numbers.items() if not _NUMBER.fullmatch(value)]
        for column in wrong:
            faults.add(f"column {column}: expected a genre's number", f"{format_value(numbers[column])} in line {line}")
        if not title:
            faults.add("column title: expected a name", f"none in line {line} (genre {format_value(genre_id)})")
        elif is_invalid(title):
            faults.add(
                "column title: expected a name without control characters", f"{format_value(title)} in line {line}"
            )
        lines[genre_id].append(str(line))
        if len(lines[genre_id]) == 1:
            titles[title].append(str(line))
        if not wrong:
            genres[int(genre_id)] = Genre(int(genre_id), int(parent), title), line
    for column, places in (("genre_id", lines), ("title", titles)):
        for value, numbered in places.items():
            if value and len(numbered) > 1:
                expected = f"column {column}: expected every genre once"
                faults.add(expected, f"{format_value(value)} in lines {format_list(numbered)}")
    faults.refuse()
    _check_parents(genres, faults)
    return GenreTree(genre for genre, _ in genres.values())


def _check_parents(genres: dict[int, tuple[Genre, int]], faults: Faults) -> None:
    """Refuse a missing parent, a genre below itself, and a table without a root genre."""
    for genre, line in genres.values():
        if genre.parent != ROOT and genre.parent not in genres:
            found = f"{genre.parent} in line {line} (genre {format_value(genre.title)})"
            faults.add("column parent: expected 0 or the genre_id of another row", found)
        above, seen = genre.parent, [genre.genre_id]
        while above in genres and above not in seen:
            seen.append(above)
            above = genres[above][0].parent
        if above == genre.genre_id:
            found = f"{' > '.join(map(str, [*seen, above]))} in line {line}"
            faults.add("column parent: expected a way up to a root genre", found)
    if not any(genre.parent == ROOT for genre, _ in genres.values()):
        faults.add("column parent: expected 0 for every root genre", "no root genre")
    faults.refuse()
