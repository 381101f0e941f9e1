"""The genres of a track where it has several: all chosen ones at or above those that FMA lists."""

from pathlib import Path

import pandas as pd
import pytest

from fmagc.corpus.fma.genres import Genre, GenreTree
from fmagc.corpus.fma.labels import LABELLINGS, Choice
from fmagc.corpus.fma.tables import read_tracks
from fmagc.errors import DataError
from tests.corpus.fma.test_genres import TREE

HEADER = ",artist,artist,set,set,track,track,track,track\n,id,name,split,subset,genre_top,genres,genres_all,title\n"


def several(choice: Choice, *genres: tuple[int, ...], tree: GenreTree = TREE) -> list[str]:
    tracks = pd.DataFrame({"genres": genres, "genre": "", "genres_all": genres})
    labelled = LABELLINGS["multi"].label(tracks, tree, choice)
    assert list(labelled) == ["genres", "reason"]
    assert ((labelled["genres"] == "") != (labelled["reason"] == "")).all()
    return (labelled["genres"] + labelled["reason"]).tolist()


def test_a_track_carries_every_genre_above_those_listed() -> None:
    assert several(None, (109,), (97, 12), (12, 25), (4, 4), ()) == [
        "Hardcore;Punk;Rock",
        "Jazz;Jazz: Out;Rock",
        "Punk;Rock",
        "Jazz",
        "no genre",
    ]


def test_chosen_genres_alone_are_carried() -> None:
    assert several(0, (109, 97), (26,)) == ["Jazz;Rock", "Rock"]
    assert several(1, (109,), (12,), (26, 97)) == ["Punk", "no chosen genre", "Jazz: Out;Post-Rock"]
    assert several(["Rock", 109], (109,), (25,), (4,), ()) == ["Hardcore;Rock", "Rock", "no chosen genre", "no genre"]
    with pytest.raises(DataError, match=r"expected a level from 0 to 2 of genres\.csv, found 3"):
        several(3, (12,))


def test_a_title_that_holds_the_separator_is_refused_where_it_is_chosen() -> None:
    tree = GenreTree([Genre(1, 0, "Drum;Bass"), Genre(2, 0, "Folk"), Genre(3, 0, "Pop")])
    with pytest.raises(DataError, match=r"expected names without ;, which .* found 'Drum;Bass': rename them"):
        several(None, (1,), tree=tree)
    assert several(["Folk", "Pop"], (2, 3), (1,), tree=tree) == ["Folk;Pop", "no chosen genre"]


@pytest.mark.parametrize(
    ("genres", "closure", "sound"),
    [
        ("[109]", "[12, 109, 25]", True),
        ("[109, 12]", "[25, 109, 12, 25]", True),
        ("[]", "[]", True),
        *[("[109]", "[109]", False), ("[109]", "[109, 25, 12, 4]", False), ("[]", "[12]", False)],
        *[("[12]", "[]", False), ("[12]", "", False), ("[12]", "[12, 7]", False), ("[12]", "12", False)],
    ],
)
def test_genres_all_must_be_what_the_tree_makes_of_genres(
    tmp_path: Path, genres: str, closure: str, sound: bool
) -> None:
    path = tmp_path / "tracks.csv"
    row = f'2,1,Her,training,small,Rock,"{genres}","{closure}",Song\n'
    path.write_text(f"{HEADER}track_id,,,,,,,,\n{row}", encoding="utf-8")
    lists = LABELLINGS["multi"].lists(None)
    if sound:
        assert set(read_tracks(path, genres=TREE, lists=lists).loc[0, "genres_all"]) == (
            {12, 25, 109} if genres != "[]" else set()
        )
    else:
        with pytest.raises(DataError, match=r"column track.genres_all: .* found '.*' in line 4 \(track '2'\)"):
            read_tracks(path, genres=TREE, lists=lists)
    assert "genres_all" not in read_tracks(path, genres=TREE, lists=LABELLINGS["single"].lists(["Rock", "Jazz"]))


def test_all_contradicting_rows_are_told_at_once(tmp_path: Path) -> None:
    rows = "".join(f'{n},1,Her,training,small,Rock,"[25]","[25]",Song\n' for n in range(2, 30))
    (tmp_path / "tracks.csv").write_text(f"{HEADER}track_id,,,,,,,,\n{rows}", encoding="utf-8")
    with pytest.raises(DataError, match=r"28 faults\n.*genres\.csv, found 28: '\[25\]' in line 4 .* and 8 more"):
        read_tracks(tmp_path / "tracks.csv", genres=TREE, lists=("genres", "genres_all"))
