"""The protocols: who may be on both sides, how near to 80/10/10, and what is left out."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmagc.corpus.audit import audit
from fmagc.corpus.selection import split_table
from fmagc.corpus.splits import PROTOCOLS, SETS, assign, shared_artists
from fmagc.errors import DataError
from fmagc.tasks.task import labels_of
from tests.support.dag import ROOT

LIST = "shared/fma/fma_small_tracks.tsv"  # the real FMA-small's 8,000 tracks with their artists, beside the project
FMA_SMALL = next((folder / LIST for folder in ROOT.parents if (folder / LIST).exists()), None)
WITHOUT_FILES = pd.Series(dtype=str)


def corpus(artists_of: dict[str, list[int]]) -> pd.DataFrame:
    """Make a table of tracks: for each genre, how many tracks each of its artists has."""
    artists = [(genre, n_tracks) for genre, sizes in artists_of.items() for n_tracks in sizes]
    rows = [(number, genre) for number, (genre, n_tracks) in enumerate(artists) for _ in range(n_tracks)]
    table = pd.DataFrame(rows, columns=["artist_id", "genre"])
    split = np.resize(["training"] * 8 + ["validation", "test"], len(table))
    return table.assign(track_id=np.arange(len(table)) * 3, split=split, artist="The " + table["artist_id"].astype(str))


def skewed(n_genres: int = 4) -> pd.DataFrame:
    """Artists as FMA has them: a few with many tracks, many with a few."""
    rng = np.random.default_rng(1)
    return corpus({f"genre {k}": (rng.pareto(1.2, 80) + 1).astype(int).clip(max=40).tolist() for k in range(n_genres)})


def audited(tracks: pd.DataFrame, protocol: str, seed: int) -> dict:
    return audit(split_table(tracks, protocol, seed=seed), tracks, sha1=WITHOUT_FILES)


ARTISTS = st.lists(st.integers(1, 12), min_size=3, max_size=12)  # tracks of each artist of a genre
CORPORA = st.dictionaries(st.sampled_from(["Folk", "Jazz", "Rock", "Pop"]), ARTISTS, min_size=2).map(corpus)


@given(CORPORA, st.sampled_from(sorted(PROTOCOLS)), st.integers(0, 2**32 - 1))
def test_every_track_is_in_one_set_whatever_the_corpus(tracks: pd.DataFrame, protocol: str, seed: int) -> None:
    sets = assign(tracks, protocol, seed=seed)
    assert len(sets) == len(tracks)
    assert set(sets) <= set(SETS)
    np.testing.assert_array_equal(assign(tracks, protocol, seed=seed), sets)


@given(CORPORA, st.integers(0, 2**32 - 1))
def test_no_artist_is_in_two_sets_and_three_of_a_genre_fill_all_sets(tracks: pd.DataFrame, seed: int) -> None:
    split = tracks.assign(set=assign(tracks, "artist", seed=seed))
    assert shared_artists(split) == []
    assert (split.groupby("genre")["set"].nunique() == len(SETS)).all()


@given(CORPORA, st.integers(0, 2**32 - 1))
def test_a_draw_of_tracks_has_its_shares_to_the_track(tracks: pd.DataFrame, seed: int) -> None:
    sets = PROTOCOLS["random"](tracks, np.random.default_rng(seed))
    sizes = [int((sets == name).sum()) for name in SETS]
    assert sizes == pytest.approx([0.8 * len(tracks), 0.1 * len(tracks), 0.1 * len(tracks)], abs=1)


@pytest.mark.parametrize("n_tracks", [100, 1003])
def test_random_is_eighty_ten_ten_of_the_tracks(n_tracks: int) -> None:
    tracks = corpus({"Folk": [n_tracks // 2], "Rock": [n_tracks - n_tracks // 2]})
    sizes = audited(tracks, "random", 0)["tracks"]
    assert sum(sizes.values()) == n_tracks
    assert [sizes[name] for name in SETS] == pytest.approx([0.8 * n_tracks, 0.1 * n_tracks, 0.1 * n_tracks], abs=1)


def test_random_looks_at_no_genre() -> None:
    tracks = corpus({"Folk": [1] * 300, "Rock": [1] * 300})
    folk = [audited(tracks, "random", seed)["genres"]["Folk"]["tracks"]["test"] for seed in range(30)]
    assert np.std(folk) == pytest.approx(np.sqrt(60 * 0.25 * 0.9), rel=0.4)  # hypergeometric; 0 if stratified


@pytest.mark.parametrize("protocol", ["random", "artist"])
def test_a_split_follows_from_its_seed_alone(protocol: str) -> None:
    tracks = skewed()
    first, again, other = (split_table(tracks, protocol, seed=seed)["set"].tolist() for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize("seed", range(5))
def test_artist_keeps_artists_apart_and_every_genre_near_its_shares(seed: int) -> None:
    tracks = skewed()
    found = audited(tracks, "artist", seed)
    assert found["artists_shared"] == 0
    assert found["test_share_with_artist_in_train"] == 0
    for genre, sizes in found["genres"].items():
        n_tracks = (tracks["genre"] == genre).sum()
        for name, share in zip(SETS, (0.8, 0.1, 0.1), strict=True):
            assert sizes["tracks"][name] == pytest.approx(share * n_tracks, abs=2), (genre, name)


def test_prolific_artists_are_tested_too() -> None:
    tracks = corpus({"Folk": [9] * 6 + [1] * 46, "Rock": [9] * 6 + [1] * 46})
    tested = [
        9 in split[split["set"] == "test"]["artist_id"].value_counts().tolist()
        for split in (split_table(tracks, "artist", seed=seed) for seed in range(20))
    ]
    assert 4 < sum(tested) < 20


def test_an_artist_larger_than_a_set_is_trained_on() -> None:
    tracks = corpus({"Folk": [40] + [1] * 60, "Rock": [1] * 100})
    for seed in range(10):
        split = split_table(tracks, "artist", seed=seed)
        assert set(split.loc[split["artist_id"] == 0, "set"]) == {"train"}


def test_three_artists_a_genre_are_enough_for_artist_and_two_are_not() -> None:
    for seed in range(10):
        split = split_table(corpus({f"genre {k}": [3, 2, 1] for k in range(8)}), "artist", seed=seed)
        assert pd.crosstab(split["genre"], split["set"]).to_numpy().min() > 0
    with pytest.raises(DataError, match=r"found Rock has none in .* three artists"):
        split_table(corpus({"Folk": [3, 2, 1], "Rock": [3, 3]}), "artist", seed=0)


def test_an_artist_of_several_genres_stays_whole() -> None:
    tracks = skewed()
    tracks["artist_id"] = tracks["artist_id"] % 90  # each now has tracks in three or four genres
    found = audited(tracks, "artist", 0)
    assert found["artists_shared"] == 0
    assert found["tracks"]["test"] == pytest.approx(0.1 * len(tracks), rel=0.2)


def test_a_small_corpus_is_drawn_again_until_no_set_lacks_a_genre() -> None:
    tracks = corpus({f"genre {k}": [2] * 12 for k in range(8)})  # the demo's size: most draws lack something
    for seed in range(10):
        split = split_table(tracks, "random", seed=seed)
        assert pd.crosstab(split["genre"], split["set"]).to_numpy().min() > 0
    with pytest.raises(DataError, match="protocol random: expected tracks of every genre in every set"):
        split_table(corpus({"Folk": [1] * 3, "Rock": [1, 1], "Pop": [20]}), "random", seed=0)


def nested(n_artists: int, *, families: int = 2, styles: int = 4) -> pd.DataFrame:
    """Make a table of tracks with a family and a style each; every style has `n_artists` of two tracks."""
    rows = [
        (f"{family}.{style};Family {family}", f"{family} {style} {artist}")
        for family in range(families)
        for style in range(styles)
        for artist in range(n_artists)
        for _ in range(2)
    ]
    table = pd.DataFrame(rows, columns=["genres", "artist"])
    artist_id, artists = pd.factorize(table["artist"])
    split = np.resize(["training"] * 3 + ["validation", "test"], len(artists))[artist_id]
    return table.assign(track_id=np.arange(len(table)), artist_id=artist_id, split=split)


@given(st.integers(3, 12), st.integers(0, 2**32 - 1))
def test_whole_artists_of_tracks_of_several_genres_fill_every_set(n_artists: int, seed: int) -> None:
    split = split_table(nested(n_artists), "artist", seed=seed)
    assert shared_artists(split.assign(artist="")) == []
    assert labels_of(split).crosstab(split, "set").to_numpy().min() > 0


def test_genres_of_few_artists_do_not_shift_the_shares_of_those_above_them() -> None:
    tracks = nested(2, styles=20)
    for seed in range(5):
        split = split_table(tracks, "artist", seed=seed)
        sizes = labels_of(split).crosstab(split, "set").loc[list(SETS), ["Family 0", "Family 1"]].to_numpy().T
        assert sizes / 80 == pytest.approx(np.array([[0.8, 0.1, 0.1]] * 2), abs=0.08)


@pytest.mark.parametrize("seed", range(3))
def test_of_the_draws_the_one_with_the_most_genres_in_every_set_counts(seed: int) -> None:
    tracks = nested(3, styles=6)  # six tracks a style: every draw lacks some

    def complete(sets: np.ndarray) -> int:
        split = tracks.assign(set=sets)
        return int((labels_of(split).crosstab(split, "set") > 0).all().sum())

    rng = np.random.default_rng(seed)
    draws = [complete(PROTOCOLS["random"](tracks, rng)) for _ in range(50)]
    assert complete(assign(tracks, "random", seed=seed)) == max(draws) > min(draws)


def test_a_set_may_lack_a_genre_where_tracks_have_several_but_never_all_tracks() -> None:
    tracks = nested(5)
    tracks.loc[tracks["genres"] == "0.1;Family 0", "split"] = "training"
    split = split_table(tracks, "official", seed=0)
    assert "0.1" in labels_of(split).genres
    assert "0.1" not in labels_of(split[split["set"] == "test"]).genres
    with pytest.raises(
        DataError, match=r"protocol official: expected in every set tracks of .* found none in val, test"
    ):
        split_table(tracks.assign(split="training"), "official", seed=0)


def test_rare_genres_and_the_tracks_that_carry_no_other_are_left_out() -> None:
    tracks = nested(10)
    tracks.loc[:5, "genres"] = ["Family 0;Rare", "Rare", "0.0;Family 0;Rare", "Rare", "Lost", "Family 1;Lost"]
    tracks.loc[4:5, "split"] = "test"
    split = split_table(tracks, "official", seed=0)
    assert "Rare" in labels_of(split).genres
    assert "Lost" not in labels_of(split).genres, "no training track carries it"
    assert split["track_id"].tolist() == tracks["track_id"].drop(4).tolist()
    split = split_table(tracks, "official", seed=0, min_tracks=5)
    assert "Rare" not in labels_of(split).genres
    assert split["track_id"].tolist() == tracks["track_id"].drop([1, 3, 4]).tolist()
    assert split["genres"].head(3).tolist() == ["Family 0", "0.0;Family 0", "Family 1"]
    with pytest.raises(DataError, match=r"expected two genres or more, found none: .* a smaller index.min_tracks"):
        split_table(tracks, "official", seed=0, min_tracks=10_000)
    with pytest.raises(DataError, match="expected two genres or more, found Family 1: "):
        split_table(tracks[80:], "official", seed=0, min_tracks=30)


@pytest.mark.parametrize("protocol", ["random", "artist"])
def test_a_rare_genre_is_left_out_of_single_labels_too_and_does_not_bear_on_the_draw(protocol: str) -> None:
    tracks = skewed()
    rare = corpus({"Salsa": [1, 1]}).assign(track_id=[100_000, 100_001], artist_id=[-1, -2], split="training")
    with_rare = pd.concat([tracks, rare], ignore_index=True)
    with pytest.raises(DataError, match="Salsa has none in"):
        split_table(with_rare, protocol, seed=0)
    split = split_table(with_rare, protocol, seed=0, min_tracks=3)
    pd.testing.assert_frame_equal(split, split_table(tracks, protocol, seed=0))


def test_a_single_genre_without_training_tracks_is_a_fault_whatever_the_least_number() -> None:
    tracks = corpus({"Folk": [1] * 30, "Rock": [1] * 30, "Jazz": [1] * 30})
    tracks.loc[tracks["genre"] == "Jazz", "split"] = "test"
    for min_tracks in (1, 5):
        with pytest.raises(DataError, match="found Jazz has none in train, Jazz has none in val"):
            split_table(tracks, "official", seed=0, min_tracks=min_tracks)


@pytest.mark.parametrize("protocol", ["official", "artist"])
def test_a_leak_is_refused_where_none_is_promised(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tracks = corpus({"Folk": [10, 10], "Rock": [10, 10]})
    leaky = tracks["split"].map({"training": "train", "validation": "val", "test": "test"}).to_numpy()
    monkeypatch.setattr("fmagc.corpus.selection.assign", lambda *_, **__: leaky)
    with pytest.raises(DataError) as caught:
        split_table(tracks, protocol, seed=0)
    assert f"protocol {protocol}: expected every artist in one set alone, found 4 in several" in str(caught.value)
    assert "artist 3, 'The 3' (test: 117; train: 90, 93, 96" in str(caught.value)
    assert split_table(tracks, "random", seed=0)["artist_id"].nunique() == 4


@pytest.mark.skipif(FMA_SMALL is None, reason="FMA-small's list of tracks is not here")
def test_random_leaks_as_much_on_fma_small_as_the_reference_did() -> None:
    assert FMA_SMALL is not None
    tracks = pd.read_csv(FMA_SMALL, sep="\t").rename(columns={"genre_top": "genre"})
    tracks["artist_id"] = tracks["artist_id"].fillna(-tracks["track_id"]).astype(int)  # the list lacks some: each alone
    assert len(tracks) == 8000
    audits = [
        audit(tracks.assign(set=assign(tracks, "random", seed=seed)), tracks, sha1=WITHOUT_FILES) for seed in range(10)
    ]
    shares = [found["test_share_with_artist_in_train"] for found in audits]
    assert np.mean(shares) == pytest.approx(0.829, abs=0.01)
    assert all(0.78 < share < 0.88 for share in shares)
    apart = split_table(tracks.assign(artist=""), "artist", seed=0)
    assert audit(apart, tracks, sha1=WITHOUT_FILES)["test_share_with_artist_in_train"] == 0
