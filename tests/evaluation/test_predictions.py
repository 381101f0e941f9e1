"""The table of predictions: what is written is what is read, and nothing doubtful gets through."""

import numpy as np
import pandas as pd
import pytest

from fmagc.errors import DataError
from fmagc.evaluation.prediction_table import validate
from fmagc.evaluation.predictions import Predictions
from fmagc.runtime.tables import write_csv
from tests.support.predictions import predictions_of

GENRES = ["Folk", "None", "Rock, heavy"]  # text that CSV readers like to take for something else


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


def test_reading_gives_what_was_built(tmp_path):
    path = tmp_path / "official" / "crnn.csv"
    table = _two_seeds()
    table.write(path)
    expected = table.table()
    pd.testing.assert_frame_equal(
        Predictions.read(path, stage="evaluate").table(), expected, check_exact=True, check_dtype=False
    )
    header = path.read_text().splitlines()[0]
    assert header == 'protocol,model,seed,track_id,artist_id,set,clip,genre,p_Folk,p_None,"p_Rock, heavy",own_digest'
    assert list(table.genres) == GENRES


def test_the_same_predictions_give_the_same_bytes(tmp_path):
    _two_seeds().write(tmp_path / "a.csv")
    shuffled = _two_seeds().table().sample(frac=1, random_state=0)
    Predictions.from_table(shuffled, source="x").write(tmp_path / "b.csv")
    Predictions.read(tmp_path / "a.csv", stage="evaluate").write(tmp_path / "c.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes() == (tmp_path / "c.csv").read_bytes()


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


def _changeable():
    table = _two_seeds().table()
    rank = {9: 0, 2: 1, 5: 2, 7: 3}  # the order in which the clips were given
    return (
        table.assign(rank=table["track_id"].map(rank))
        .sort_values(["seed", "rank", "clip"], ignore_index=True)
        .drop(columns="rank")
    )


def _changed(column, row, value):
    table = _changeable()
    table[column] = table[column].astype(object if isinstance(value, str) else table[column].dtype)
    table.loc[row, column] = value
    return table


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (_changeable().drop(columns="clip"), "expected the columns protocol, .* found protocol, model, seed"),
        (_changeable()[[*_changeable().columns[:8], "p_None", "p_Folk", "p_Rock, heavy"]], "alphabetical order"),
        (_changeable().iloc[:0], "a row for each clip, found none"),
        (_changed("model", 3, "cnn2d"), "one model, found cnn2d, crnn"),
        (_changed("set", 2, "train"), "column set: .*val, test, found 'train' at seed 0, track_id 2, clip 0"),
        (_changed("genre", 2, "Jazz"), "column genre: expected one of Folk, .* found 'Jazz'"),
        (_changed("clip", 1, 0), "found one again at seed 0, track_id 9, clip 0"),
        (_changed("artist_id", 1, 8), "column artist_id: .*several for track_id 9"),
        (_changed("set", 1, "val"), "column set: .*several for track_id 9"),
        (_changed("genre", 1, "None"), "column genre: .*several for track_id 9"),
        (_changeable().iloc[:-1], "from all 2 seeds, found some without at seed 0, track_id 7, clip 1"),
        (_changed("p_Folk", 4, np.nan), "from 0 to 1, found .nan.* at seed 0, track_id 5, clip 0"),
        (_changed("p_Folk", 4, 1.5), "from 0 to 1, found .1.5"),
        (_changed("p_Folk", 4, 0.0), "sum to 1, found a sum of 0"),
    ],
)
def test_doubtful_tables_are_refused(table, message, tmp_path):
    with pytest.raises(DataError, match=rf"^here: .*{message}"):
        validate(table, source="here")
    path = tmp_path / "crnn.csv"
    if table.empty:  # such a table is not written
        return
    write_csv(path, table.astype(object).where(table.notna(), "nan"))
    with pytest.raises(DataError, match=rf"crnn\.csv: .*{message}"):
        Predictions.read(path, stage="evaluate")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("official,crnn,0,2,1", "official,crnn,0,two,1", "crnn.csv: expected digest"),
        ("official,crnn,0,2,1", "official,crnn,0,2,1,1,1,1", "crnn.csv: expected digest"),
    ],
)
def test_damaged_files_are_refused(old, new, message, tmp_path):
    path = tmp_path / "crnn.csv"
    _table().write(path)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        Predictions.read(path, stage="evaluate")


def test_missing_and_binary_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="expected a table of the stage evaluate, found none"):
        Predictions.read(tmp_path / "crnn.csv", stage="evaluate")
    for content in (b"", b"\xff\xfe\x00\x01" * 50):
        (tmp_path / "crnn.csv").write_bytes(content)
        with pytest.raises(DataError, match=r"crnn\.csv: expected"):
            Predictions.read(tmp_path / "crnn.csv", stage="evaluate")


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
