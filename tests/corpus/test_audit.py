"""The audit of a split: what its sets hold and share, and what is absent or was left out."""

import pandas as pd

from fmagc.corpus.audit import audit, describe_audit
from fmagc.corpus.selection import split_table
from fmagc.corpus.splits import shared_artists

WITHOUT_FILES = pd.Series(dtype=str)


def test_audit_counts_what_a_split_holds_and_leaks() -> None:
    split = pd.DataFrame(
        {
            "track_id": [1, 2, 3, 4, 5],
            "genre": ["Rock", "Rock", "Pop", "Pop", "Pop"],
            "artist_id": [7, 7, 8, 9, 9],
            "set": ["train", "test", "train", "val", "test"],
        }
    )
    found = audit(split, split, sha1=pd.Series({1: "a", 2: "b", 3: "c", 4: "c", 5: "d"}))
    assert found["tracks"] == {"train": 2, "val": 1, "test": 2}
    assert found["artists"] == {"train": 2, "val": 1, "test": 2}
    assert found["genres"]["Pop"] == {
        "tracks": {"train": 1, "val": 1, "test": 1},
        "artists": {"train": 1, "val": 1, "test": 1},
    }
    assert (found["artists_shared"], found["files_shared"]) == (2, 1)
    assert found["test_share_with_artist_in_train"] == 0.5  # of artist 7; artist 9 was validated on
    assert shared_artists(split.assign(artist="Them")) == [
        "artist 7, 'Them' (test: 2; train: 1)",
        "artist 9, 'Them' (test: 5; val: 4)",
    ]
    missing = audit(split, split, sha1=pd.Series({1: "", 2: "", 3: "c", 4: "d", 5: "e"}))
    assert missing["files_shared"] == 0  # two missing files are not alike


def test_audit_counts_each_genre_of_a_track_and_names_what_a_set_lacks() -> None:
    rows = [
        (1, "Punk;Rock", 7, "training"),
        (2, "Punk;Rock", 7, "training"),
        (3, "Folk;Rock", 8, "training"),
        (4, "Rock", 9, "validation"),
        (5, "Folk", 9, "validation"),
        (6, "Punk;Rock;Ska", 5, "test"),
        (7, "Ska", 5, "test"),
    ]
    tracks = pd.DataFrame(rows, columns=["track_id", "genres", "artist_id", "split"]).assign(artist="")
    found = audit(split_table(tracks, "official", seed=0), tracks, sha1=WITHOUT_FILES)
    assert found["tracks"] == {"train": 3, "val": 2, "test": 1}
    assert found["genres"]["Rock"] == {
        "tracks": {"train": 3, "val": 1, "test": 1},
        "artists": {"train": 2, "val": 1, "test": 1},
    }
    assert found["genres"]["Punk"]["artists"] == {"train": 1, "val": 0, "test": 1}
    assert found["genres_absent"] == {"train": [], "val": ["Punk"], "test": ["Folk"]}
    assert (found["genres_left_out"], found["tracks_left_out"]) == ({"Ska": 2}, 1)
    assert describe_audit("official", found)[1:] == [
        "official: left out for fewer than index.min_tracks training tracks, with the tracks of all sets: Ska (2); "
        "tracks that carry no other genre, left out with them: 1",
        "official: val has no track of 1 of the 3 genres: Punk",
        "official: test has no track of 1 of the 3 genres: Folk",
    ]
