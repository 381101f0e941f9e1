"""Labels of both tasks, and the genres that a track gets."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch

from fmagc.errors import DataError
from fmagc.tasks.decide import most_probable
from fmagc.tasks.task import TASKS, TaskName, genre_text, labels_of, task_of

ONE = pd.DataFrame({"track_id": [3, 5, 8], "genre": ["Rock", "Folk; Blues", "Rock"], "artist_id": [1, 2, 2]})
SEVERAL = pd.DataFrame({"track_id": [3, 5, 8, 9], "genres": ["Punk;Rock", "Folk", "Rock", "Punk;Rock"]})


def test_a_table_tells_its_task_by_its_column() -> None:
    assert task_of(ONE).name == "single"
    assert task_of(SEVERAL).name == "multi"


def test_each_task_has_its_name() -> None:
    assert set(TASKS) == set(get_args(TaskName))


def test_a_label_of_one_genre_is_its_class() -> None:
    labels = labels_of(ONE)
    assert labels.genres == ("Folk; Blues", "Rock")  # no separator here: a genre may be called so
    assert labels.encode(ONE).tolist() == [1, 0, 1]
    assert labels.indicators(ONE).tolist() == [[False, True], [True, False], [False, True]]


def test_a_label_of_several_genres_is_the_number_of_their_set() -> None:
    labels = labels_of(SEVERAL)
    assert labels.genres == ("Folk", "Punk", "Rock")
    codes = labels.encode(SEVERAL)
    assert codes[0] == codes[3]
    assert len(set(codes)) == len(labels.texts) == 3
    assert [labels.names(code) for code in codes] == [["Punk", "Rock"], ["Folk"], ["Rock"], ["Punk", "Rock"]]


def test_the_genres_of_a_trained_network_are_its_classes() -> None:
    labels = labels_of(SEVERAL, genres=["Folk", "Jazz", "Punk", "Rock"])
    assert labels.indicators(SEVERAL)[:, 1].tolist() == [False] * 4
    with pytest.raises(DataError, match="genres: expected some of Folk, Rock, found Punk"):
        labels_of(SEVERAL, genres=["Folk", "Rock"])


def test_genres_are_counted_by_a_column() -> None:
    counts = labels_of(SEVERAL).crosstab(SEVERAL.assign(set=["test", "train", "train", "train"]), "set")
    assert counts.to_dict("index") == {
        "test": {"Folk": 0, "Punk": 1, "Rock": 1},
        "train": {"Folk": 1, "Punk": 1, "Rock": 2},
    }


def test_the_rows_of_each_genre_are_counted() -> None:
    assert labels_of(SEVERAL).count(SEVERAL) == {"Folk": 1, "Punk": 2, "Rock": 3}
    assert labels_of(ONE).count(ONE) == {"Folk; Blues": 1, "Rock": 2}


def test_cells_keep_the_genres_that_are_among_some() -> None:
    assert TASKS["multi"].keep(SEVERAL["genres"], {"Punk", "Folk"}).tolist() == ["Punk", "Folk", "", "Punk"]
    assert TASKS["single"].keep(ONE["genre"], {"Folk; Blues"}).tolist() == ["", "Folk; Blues", ""]


def test_a_cell_is_written_as_it_is_read() -> None:
    for task, text in ((TASKS["single"], "Folk; Blues"), (TASKS["multi"], "Folk;Punk")):
        assert task.text(task.parse(text)) == text
        assert task.parse("") == []
    assert TASKS["multi"].text(["Rock", "Folk", "Rock"]) == "Folk;Rock"
    assert TASKS["multi"].text([]) == ""


def test_people_read_genres_with_a_blank_between_them() -> None:
    assert genre_text(SEVERAL).tolist() == ["Punk; Rock", "Folk", "Rock", "Punk; Rock"]
    assert genre_text(ONE).tolist() == ONE["genre"].tolist()


def test_probabilities_are_of_all_genres_together_or_of_each() -> None:
    logits = torch.tensor([[0.0, 0.0, 0.0]])
    assert TASKS["single"].activation(logits).tolist() == [[pytest.approx(1 / 3)] * 3]
    assert TASKS["multi"].activation(logits).tolist() == [[0.5] * 3]


def test_targets_have_the_form_of_torchs_losses() -> None:
    one, several = labels_of(ONE), labels_of(SEVERAL)
    assert one.task.target(1, one) == 1
    target = several.task.target(int(several.encode(SEVERAL)[0]), several)
    assert target.tolist() == [0, 1, 1]
    assert target.dtype == np.float32


def test_a_track_gets_as_many_genres_as_it_carries() -> None:
    p = np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4], [0.1, 0.1, 0.1]])
    given = most_probable(p, np.array([2, 1, 0]))
    assert given.tolist() == [[False, True, True], [True, False, False], [False, False, False]]


def test_one_genre_is_the_most_probable_one() -> None:
    p = np.random.default_rng(0).integers(0, 4, size=(200, 5)) / 4  # many equals
    given = most_probable(p, np.ones(len(p), dtype=np.int64))
    assert (given.argmax(axis=1) == p.argmax(axis=1)).all()
    assert (given.sum(axis=1) == 1).all()
