"""Predictions and their file: what is written is what is read, and nothing doubtful gets through."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from fmagc.errors import DataError
from fmagc.evaluation.predictions import Predictions
from tests.support.labels import multi
from tests.support.many_genres import predictions_of_split, small_tree, split_of
from tests.support.predictions import predictions_of

GENRES = ["Folk", "None", "Rock, heavy"]


def _table(seed=0):
    rng = np.random.default_rng(seed)
    return predictions_of(
        rng.dirichlet(np.ones(3), 8),
        protocol="official",
        model="crnn",
        seed=seed,
        track_ids=[9, 9, 2, 2, 5, 5, 7, 7],
        artist_ids=[1, 1, 1, 1, 4, 4, 3, 3],
        sets=["test"] * 6 + ["val"] * 2,
        clips=[0, 1] * 4,
        labels=[0, 0, 1, 1, 2, 2, 0, 0],
        genres=GENRES,
    )


def _two_seeds():
    return Predictions.concatenate([_table(0), _table(1)])


def _of_several_genres():
    return predictions_of_split(split_of(small_tree()), seeds=(0, 1))


@pytest.mark.parametrize("made", [_two_seeds, _of_several_genres], ids=["single", "multi"])
def test_reading_gives_what_was_built(made, tmp_path):
    path, expected = tmp_path / "official" / "crnn.h5", made()
    expected.write(path)
    found = Predictions.read(path, stage="evaluate")
    pd.testing.assert_frame_equal(found.table(), expected.table(), check_exact=True)
    assert found.labelling.task is expected.labelling.task
    assert (found.labels == expected.labels).all()
    assert (found.carried == expected.carried).all()


def test_a_file_can_be_read_without_the_project(tmp_path):
    _two_seeds().write(tmp_path / "crnn.h5")
    with h5py.File(tmp_path / "crnn.h5") as file:
        genres, texts = file["genres"].asstr()[:], file["texts"].asstr()[:]
        table = pd.DataFrame(file["probabilities"][:] / 1e6, columns=genres, index=file["track_id"][:])
        true = texts[file["label"][:]]
        assert dict(file.attrs) == {"protocol": "official", "model": "crnn", "task": "single"}
        assert file["set"].asstr()[:].tolist() == _two_seeds().sets.tolist()
    assert table.columns.tolist() == GENRES
    assert true[0] == "None"
    assert (table.to_numpy() == _two_seeds().probabilities).all()


def test_the_same_predictions_give_the_same_bytes(tmp_path):
    for made in (_two_seeds(), _of_several_genres()):
        made.write(tmp_path / "a.h5")
        shuffled = made.select(np.random.default_rng(0).permutation(len(made.labels)))
        shuffled.checked(source="x").write(tmp_path / "b.h5")
        Predictions.read(tmp_path / "a.h5", stage="evaluate").write(tmp_path / "c.h5")
        first, *others = ((tmp_path / f"{name}.h5").read_bytes()[:512] for name in "abc")
        assert [first] * 2 == others  # the digest of the rest stands there


def test_tracks_average_their_clips():
    found = _two_seeds().tracks
    tracks = found.table()
    assert list(tracks.columns) == [name for name in _table().table().columns if name != "clip"]
    assert tracks[["seed", "track_id"]].to_numpy().tolist() == [[s, t] for s in (0, 1) for t in (2, 5, 7, 9)]
    labels, p = found.labels, found.probabilities
    assert labels.tolist() == [1, 2, 0, 0] * 2
    clips = _table(1).probabilities
    assert p[4] == pytest.approx(clips[:2].mean(axis=0), abs=1e-12)  # seed 1, track 2
    assert tracks["set"].tolist() == ["test", "test", "val", "test"] * 2


def test_a_track_of_several_genres_is_right_where_it_carries_the_most_probable_one():
    labels = multi(["Punk;Rock", "Folk"])
    assert labels.genres == ("Folk", "Punk", "Rock")
    clips = pd.DataFrame({"track_id": [1, 2, 3], "artist_id": 1, "set": "test", "clip": 0, "label": [1, 1, 0]})
    p = [[0.9, 0.2, 0.8], [0.1, 0.3, 0.4], [0.5, 0.5, 0.2]]
    found = Predictions.of_clips(p, clips, labelling=labels, protocol="official", model="crnn", seed=0)
    assert found.correct.tolist() == [False, True, True]  # of equals the first
    means = found.mean_of_seeds()
    assert means["genre"].tolist() == ["Punk; Rock", "Punk; Rock", "Folk"]
    assert means["predicted"].tolist() == ["Folk", "Rock", "Folk"]
    assert means["p_true"].tolist() == [0.8, 0.4, 0.5]
    assert means["correct"].tolist() == [False, True, True]


def _changed(name, row, value):
    """Change a value of the predictions of two seeds, in which tracks are ordered 2, 5, 7, 9."""
    made = _two_seeds()
    values = getattr(made, name).astype(object) if isinstance(value, str) else getattr(made, name).copy()
    values[row] = value
    return replace(made, **{name: values.astype(str) if isinstance(value, str) else values})


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (replace(_two_seeds(), labelling=multi(["B", "A"], genres=["B", "A", "C"])), "alphabetical order, found B, A"),
        (replace(_two_seeds(), probabilities=np.ones((16, 2))), r"probabilities \(N, 3\), found the shape \(16, 2\)"),
        (_two_seeds().select(np.zeros(16, dtype=bool)), "a row for each clip, found none"),
        (_changed("sets", 0, "train"), "column set: .*val, test, found 'train' at seed 0, track_id 2, clip 0"),
        (_changed("labels", 2, 3), "column label: expected 0 to 2, found 3 at seed 0, track_id 5, clip 0"),
        (_changed("clips", 7, 0), "found one again at seed 0, track_id 9, clip 0"),
        (_changed("artist_ids", 1, 8), "column artist_id: .*several for track_id 2"),
        (_changed("sets", 1, "val"), "column set: .*several for track_id 2"),
        (_changed("labels", 1, 0), "column label: .*several for track_id 2"),
        (_two_seeds().select(np.arange(15)), "from all 2 seeds, found some without at seed 0, track_id 9, clip 1"),
        (_changed("probabilities", (4, 0), np.nan), "from 0 to 1, found .nan.* at seed 0, track_id 7, clip 0"),
        (_changed("probabilities", (4, 0), 1.5), "from 0 to 1, found .1.5"),
        (_changed("probabilities", (4, 0), 0.0), "sum to 1, found a sum of 0"),
    ],
)
def test_doubtful_predictions_are_refused(made, message, tmp_path):
    with pytest.raises(DataError, match=rf"^here: .*{message}"):
        made.checked(source="here")
    path = tmp_path / "crnn.h5"
    if not len(made.labels) or np.isnan(made.probabilities).any() or "(N" in message or "alphabetical" in message:
        return  # such a file is not written
    made.write(path)
    with pytest.raises(DataError, match=rf"crnn\.h5: .*{message}"):
        Predictions.read(path, stage="evaluate")


def test_probabilities_of_several_genres_need_not_sum_to_1():
    made = _of_several_genres()
    assert np.ptp(made.probabilities.sum(axis=1)) > 0.5
    assert made.checked(source="here") is made


@pytest.mark.parametrize("model", ["protocol", "model", "labelling"])
def test_seeds_that_do_not_belong_together_are_refused(model):
    labels = multi(["Folk", "None", "Rock, heavy", "Folk;None"])
    other = {"protocol": "random", "model": "cnn2d", "labelling": labels}
    with pytest.raises(DataError, match=r"predictions of crnn: \w+: expected .* of all seeds, found"):
        Predictions.concatenate([_table(0), replace(_table(1), **{model: other[model]})])


@pytest.mark.parametrize("place", [30, 600, -1], ids=["digest", "structure", "values"])
def test_damaged_files_are_refused(place, tmp_path):
    path = tmp_path / "crnn.h5"
    _table().write(path)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"crnn\.h5: expected digest .* found .*dvc checkout"):
        Predictions.read(path, stage="evaluate")


def test_missing_foreign_and_partial_files_are_refused(tmp_path):
    path: Path = tmp_path / "crnn.h5"
    with pytest.raises(DataError, match=r"expected predictions of the stage evaluate, found none: run `dvc repro`"):
        Predictions.read(path, stage="evaluate")
    with h5py.File(path, "w") as file:
        file["x"] = 1
    for content in (b"", b"\xff\xfe\x00\x01" * 50, b"protocol,model,seed\n", path.read_bytes()):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"crnn\.h5: expected a file of predictions, found .*dvc repro -f evaluate"):
            Predictions.read(path, stage="evaluate")
    _table().write(path)
    whole = path.read_bytes()
    for size in (100, 512, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"crnn\.h5: expected digest"):
            Predictions.read(path, stage="evaluate")


def test_probabilities_of_another_number_of_genres_are_refused():
    with pytest.raises(DataError, match=r"expected probabilities \(N, 3\), found the shape \(1, 2\)"):
        predictions_of(
            [[0.5, 0.5]],
            protocol="official",
            model="crnn",
            seed=0,
            track_ids=[1],
            artist_ids=[1],
            sets=["test"],
            clips=[0],
            labels=[0],
            genres=GENRES,
        )
