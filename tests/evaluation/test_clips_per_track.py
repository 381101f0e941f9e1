"""Rules of averaging, the union of clips, and the table of what was tried."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from scipy.special import softmax
from sklearn.metrics import accuracy_score, f1_score

from fmagc.cache.clip_positions import clip_table
from fmagc.errors import DataError
from fmagc.evaluation.aggregation import RULES
from fmagc.evaluation.clips_per_track import clip_counts, count_table, rows_in_union, score_counts, union_of_clips
from fmagc.reporting.figures.clip_counts import clip_count_curves
from tests.support.predictions import predictions_of

GENRES = ["Folk", "Pop", "Rock"]
AVERAGES = RULES["single"]


def test_mean_of_probabilities_and_of_logits():
    logits = np.random.default_rng(0).normal(0, 3, (7, 3))
    p, first = softmax(logits, axis=1), np.array([0, 3, 4])
    tracks = [slice(0, 3), slice(3, 4), slice(4, 7)]
    means = [p[rows].mean(axis=0) for rows in tracks]
    assert AVERAGES["probabilities"](p, first) == pytest.approx(np.stack(means))
    of_logits = [softmax(logits[rows].mean(axis=0)) for rows in tracks]
    assert AVERAGES["logits"](p, first) == pytest.approx(np.stack(of_logits), abs=1e-9)


@pytest.mark.parametrize(
    ("clips", "named"),
    [
        ([[0.4, 0.35, 0.25], [0.4, 0.35, 0.25], [0.0, 1.0, 0.0]], 0),  # two unsure clips outvote one that is certain
        ([[0.6, 0.4, 0.0], [0.1, 0.9, 0.0]], 1),  # one each: the mean decides
        ([[0.0, 0.0, 1.0]], 2),
    ],
)
def test_votes_are_counted_and_the_mean_decides_between_equals(clips, named):
    p = np.array(clips)
    (found,) = AVERAGES["vote"](p, np.array([0]))
    assert found.argmax() == named
    assert found.sum() == pytest.approx(1)
    assert found * (len(p) + 1) - p.mean(axis=0) == pytest.approx(np.bincount(p.argmax(axis=1), minlength=3))


def test_no_majority_is_ever_outvoted_by_the_mean():
    rng = np.random.default_rng(0)
    for n_clips in (2, 3, 5, 9):
        p = rng.dirichlet(np.full(4, 0.2), 200 * n_clips)
        votes = np.stack([np.bincount(rows, minlength=4) for rows in p.argmax(axis=1).reshape(200, n_clips)])
        found = AVERAGES["vote"](p, np.arange(0, len(p), n_clips)).argmax(axis=1)
        assert (votes[np.arange(200), found] == votes.max(axis=1)).all()


def tracks(n_frames):
    n = len(n_frames)
    labels = [k % 3 for k in range(n)]
    return pd.DataFrame(
        {
            "track_id": np.arange(n) * 5 + 2,
            "artist_id": np.arange(n),
            "set": ["val", "test"] * (n // 2),
            "genre": [GENRES[label] for label in labels],
            "label": labels,
            "n_frames": n_frames,
        }
    )


@pytest.mark.parametrize("n_frames", [[1292, 1291, 1300, 1406], [64, 65, 66, 69]], ids=["long", "hardly longer"])
def test_a_clip_of_several_counts_is_tracks_once_and_every_count_finds_its_own(n_frames):
    rows = tracks(n_frames)
    for crop in ("even", "random"):
        _every_count_finds_its_own([clip_table(rows, clip_frames=64, n_clips=n, crop=crop) for n in (1, 2, 3, 5, 9, 4)])


def _every_count_finds_its_own(by_count):
    union = union_of_clips(by_count)
    assert not union.duplicated(["track_id", "start"]).any()
    for clips in by_count:
        places = rows_in_union(clips, union=union)
        columns = ["track_id", "start", "label", "set"]
        pd.testing.assert_frame_equal(union.loc[places, columns].reset_index(drop=True), clips[columns])


def test_nine_clips_hold_the_clips_of_all_other_counts():
    rows = tracks([1292, 1300])  # 784 and 792 frames to move in
    union = union_of_clips(clip_table(rows, clip_frames=508, n_clips=n_clips) for n_clips in (1, 2, 3, 5, 9))
    assert len(union) == 2 * 9


@pytest.mark.parametrize(
    ("seen", "counts"),
    [(512, [1, 2, 3, 5, 9]), (128, [1, 2, 3, 5, 9, 17, 33]), (500, [1, 2, 3, 5, 9]), (256, [1, 2, 3, 5, 9, 17])],
)
def test_shorter_patches_are_compared_up_to_the_same_seconds(seen: int, counts: list[int]):
    assert clip_counts(seen * 1024, clip_samples=512 * 1024) == counts


def tables(seed=0):
    rows = tracks([200] * 12)
    found = {}
    for n_clips in (1, 3):
        clips = clip_table(rows, clip_frames=64, n_clips=n_clips)
        p = np.random.default_rng([seed, n_clips]).dirichlet(np.ones(3), len(clips))
        p[np.arange(len(p)), clips["label"]] += 0.3
        found[n_clips] = predictions_of(
            p / p.sum(axis=1, keepdims=True),
            protocol="official",
            model="crnn",
            seed=seed,
            track_ids=clips["track_id"],
            artist_ids=clips["artist_id"],
            sets=clips["set"].tolist(),
            clips=clips["clip"],
            labels=clips["label"],
            genres=GENRES,
        )
    return found


def test_the_table_has_the_scores_of_each_set_count_and_rule():
    predictions = tables()
    table = count_table([score_counts(predictions, clip_s=1.5)])
    assert len(table) == 2 * 2 * len(AVERAGES)
    assert list(table.columns) == ["protocol", "model", "set", "average", "clips", "seconds", "accuracy", "macro_f1"]
    assert (table["seconds"] == 1.5 * table["clips"]).all()
    for row in table.to_dict("records"):
        tracks = predictions[row["clips"]].aggregate(row["average"]).table()
        tracks = tracks[tracks["set"] == row["set"]]
        named = [GENRES[k] for k in tracks[[f"p_{genre}" for genre in GENRES]].to_numpy().argmax(axis=1)]
        assert row["accuracy"] == pytest.approx(accuracy_score(tracks["genre"], named), abs=1e-6)
        assert row["macro_f1"] == pytest.approx(f1_score(tracks["genre"], named, average="macro"), abs=1e-6)
    single = table[table["clips"] == 1]
    assert (single.groupby("set")["accuracy"].nunique() == 1).all()  # of one clip all rules say the same
    assert table.groupby(["set", "clips"])["accuracy"].nunique().max() > 1


def test_seeds_are_averaged_and_their_spread_is_told():
    alone = [score_counts(tables(seed), clip_s=1.5) for seed in (0, 1, 7)]
    table = count_table(alone)
    values = np.stack([one["macro_f1"] for one in alone])
    assert table["macro_f1"].to_numpy() == pytest.approx(values.mean(axis=0), abs=2e-6)
    assert table["macro_f1_std"].to_numpy() == pytest.approx(values.std(axis=0, ddof=1), abs=2e-6)


def test_the_figure_has_a_column_a_rule_and_a_line_a_model_and_set(tmp_path: Path):
    table = count_table([score_counts(tables(), clip_s=1.5)])
    figure = clip_count_curves(pd.concat([table, table.assign(model="cnn1d")]), ["accuracy", "macro_f1"])
    assert len(figure.axes) == 6
    vote_f1 = figure.axes[5]
    lines = {(to_hex(line.get_color()).upper(), line.get_linestyle()) for line in vote_f1.lines}
    assert lines == {(colour, dash) for colour in ("#0072B2", "#009E73") for dash in ("-", "--")}
    expected = table[(table["average"] == "vote") & (table["set"] == "test")].sort_values("clips")["macro_f1"]
    assert [line.get_xdata().tolist() for line in vote_f1.lines] == [[1.5, 4.5]] * 4
    solid = [line.get_ydata() for line in vote_f1.lines if line.get_linestyle() == "-"]
    assert solid == [pytest.approx(expected.tolist())] * 2
    assert len(clip_count_curves(table[table["average"] != "vote"], ["accuracy", "macro_f1"]).axes) == 4
    with pytest.raises(DataError, match="found no average"):
        clip_count_curves(table.drop(columns="average"), ["accuracy", "macro_f1"])
