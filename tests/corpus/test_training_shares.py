"""Shares of a training set: nested, of whole artists, near their size, and the same whatever is added elsewhere."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmagc.corpus.training_shares import take_share

SHARES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9)
GENRES = ("Folk", "Jazz", "Rock")


def split_of(n_artists: int = 40, *, most: int = 5, genres: Sequence[str] = GENRES, first: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(first)
    rows = [
        (genre, 1000 * number + artist, name)
        for number, genre in enumerate(genres, start=first)
        for artist in range(n_artists)
        for name in (["train"] * 8 + ["val", "test"])[artist % 10 : artist % 10 + 1]
        for _ in range(rng.integers(1, most + 1))
    ]
    table = pd.DataFrame(rows, columns=["genre", "artist_id", "set"])
    return table.assign(track_id=10_000 * first + np.arange(len(table)))


def training(split: pd.DataFrame) -> pd.DataFrame:
    return split[split["set"] == "train"]


@given(seed=st.integers(0, 2**32), most=st.integers(1, 30), several=st.booleans())
def test_shares_are_nested_and_of_whole_artists(seed: int, most: int, several: bool) -> None:
    split = split_of(most=most)
    if several:  # artists with tracks of several genres
        split.loc[split.index % 3 == 0, "genre"] = "Rock"
    before: set[int] = set()
    for share in (*SHARES, 1.0):
        taken = take_share(split, share, seed=seed)
        ids = set(training(taken)["track_id"])
        assert before <= ids
        artists = training(split)["artist_id"].isin(training(taken)["artist_id"])
        assert set(training(split).loc[artists, "track_id"]) == ids, "an artist is in with all of its tracks"
        assert set(training(taken)["genre"]) == set(training(split)["genre"])
        before = ids
    assert before == set(training(split)["track_id"])


@pytest.mark.parametrize("share", SHARES)
def test_every_genre_has_its_share_as_near_as_whole_artists_allow(share: float) -> None:
    split = split_of(60, most=6)
    whole, taken = (
        table["genre"].value_counts() for table in (training(split), training(take_share(split, share, seed=3)))
    )
    assert (abs(taken - share * whole) <= 3).all(), "half of the largest artist"


def test_validation_and_test_are_whole() -> None:
    split = split_of()
    taken = take_share(split, 0.1, seed=0)
    pd.testing.assert_frame_equal(taken[taken["set"] != "train"], split[split["set"] != "train"])


def test_each_genre_keeps_an_artist_however_small_the_share() -> None:
    split = split_of(10, most=30)
    assert training(take_share(split, 1e-6, seed=0)).groupby("genre")["artist_id"].nunique().to_dict() == dict.fromkeys(
        GENRES, 1
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_genre_whose_artists_all_belong_to_another_keeps_one_in_nested_shares(seed: int) -> None:
    rows = [(n, "Rock", 1 + n % 8, "train") for n in range(32)]
    rows += [(40 + n, "Folk", 1 + n, "train") for n in range(5)]
    split = pd.DataFrame(rows, columns=["track_id", "genre", "artist_id", "set"])
    before: set[int] = set()
    for share in SHARES:
        taken = take_share(split, share, seed=seed)
        assert set(taken["genre"]) == {"Folk", "Rock"}
        assert before <= set(taken["track_id"])
        before = set(taken["track_id"])


def test_tracks_of_unknown_artists_are_drawn_one_by_one() -> None:
    split = split_of(50, most=1)
    split["artist_id"] = -split["track_id"]
    assert len(training(take_share(split, 0.5, seed=0))) == pytest.approx(len(training(split)) / 2, abs=3)


def test_the_draw_follows_from_the_seed_and_not_from_the_order_of_rows() -> None:
    split = split_of()
    shuffled = split.sample(frac=1, random_state=1)
    drawn = [set(take_share(table, 0.5, seed=0)["track_id"]) for table in (split, shuffled, split)]
    assert drawn[0] == drawn[1] == drawn[2]
    assert drawn[0] != set(take_share(split, 0.5, seed=1)["track_id"])


def test_more_of_another_genre_changes_nothing_here() -> None:
    split = split_of()
    added = pd.concat([split_of(30, genres=("Blues", "Country"), first=7), split])
    for share in SHARES:
        before = training(take_share(split, share, seed=0))
        after = training(take_share(added, share, seed=0))
        assert set(before["track_id"]) == set(after.loc[after["genre"].isin(GENRES), "track_id"])
