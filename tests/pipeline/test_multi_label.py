"""Several genres a track from end to end, through DVC: the mini corpus with a tree of genres."""

import csv
import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from fmagc.corpus.fma.layout import track_file
from fmagc.demo.catalogue import Defect
from fmagc.evaluation.predictions import Predictions
from fmagc.runtime.tables import read_csv, write_csv
from tests.support.mini_corpus import NAME, mini_tracks
from tests.support.project import Project

CHILD = 1000  # added to a genre's id: that of the genre below it
CURVES = {"loss", "accuracy", "f1", "average_precision"}


@pytest.fixture(scope="module")
def corpus(mini_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mini corpus with a second level of genres: tracks of the first four genres are of the genre below each."""
    root = tmp_path_factory.mktemp("tree")
    (root / NAME).symlink_to(mini_root / NAME)
    shutil.copytree(mini_root / "fma_metadata", root / "fma_metadata")
    _edit(root / "fma_metadata/genres.csv", 1, _with_children)
    _edit(root / "fma_metadata/tracks.csv", 3, _of_children)
    return root


@pytest.fixture(scope="module")
def multi(pipeline_run: Project, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the pipeline's run, run again as the other task."""
    project = Project(tmp_path_factory.mktemp("multi") / "project")
    subprocess.run(["cp", "-a", pipeline_run.root, project.root], check=True)  # keeps the hard links of DVC's cache

    def change(params: dict) -> None:
        params["dataset"]["root"] = str(corpus)
        params["index"]["labels"] = "multi"
        params["run"].update(models=["crnn"], baselines=["majority", "logreg_mel"])

    project.change_params(change)
    for path in ("metrics/models", "metrics/clips", "metrics/validation", "plots/history", "plots/confusion"):
        shutil.rmtree(project.root / path)
    project.dvc("repro")
    return project


def _edit(path: Path, n_header: int, change) -> None:
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([*rows[:n_header], *change(rows[:n_header], rows[n_header:])])


def _with_children(header: list[list[str]], rows: list[list[str]]) -> list[list[str]]:
    children = [[str(CHILD + int(row[0])), row[1], row[0], f"Little {row[3]}", row[0]] for row in rows[:4]]
    return [*rows, *children]


def _of_children(header: list[list[str]], rows: list[list[str]]) -> list[list[str]]:
    groups, names = header[0], header[1]
    listed, whole = ([*zip(groups, names, strict=True)].index(("track", name)) for name in ("genres", "genres_all"))
    genres = sorted({row[listed] for row in rows}, key=lambda cell: int(cell[1:-1]))
    for row in rows:
        if row[listed] in genres[:4]:
            own = int(row[listed][1:-1])
            row[listed], row[whole] = f"[{CHILD + own}]", f"[{own}, {CHILD + own}]"
    return rows


def test_a_track_carries_its_genre_and_the_one_above(multi: Project) -> None:
    split = pd.read_csv(multi.root / "data/index/splits/official.csv")
    n_genres = split["genres"].str.split(";").str.len()
    assert set(n_genres) == {1, 2}
    tree = pd.read_csv(multi.root / "data/index/genres.csv", keep_default_na=False)
    assert tree["depth"].value_counts().to_dict() == {0: 8, 1: 4}
    assert all(
        f"Little {parent}" == genre for genre, parent in zip(tree["genre"], tree["parent"], strict=True) if parent
    )


def test_all_stages_run_and_a_second_run_has_nothing_to_do(multi: Project) -> None:
    assert multi.stages_run_by() == set()


def test_every_model_has_the_measures_of_the_task(multi: Project) -> None:
    shown = json.loads(multi.dvc("metrics", "show", "--json"))[""]["data"]
    rows = {path: entry["data"] for path, entry in shown.items() if path.startswith("metrics/models")}
    assert {Path(path).stem for path in rows} == {"crnn", "majority", "logreg_mel"}
    wanted = {"macro_average_precision", "macro_roc_auc", "precision_at_3", "macro_f1", "genres_tested", "ece"}
    for row in rows.values():
        assert wanted <= set(row)
        assert (
            row["macro_average_precision_low"] <= row["macro_average_precision"] <= row["macro_average_precision_high"]
        )
        assert {f"macro_average_precision_{level}" for level in ("roots", "second", "leaves")} <= set(row)
    assert rows["metrics/models/official/majority.json"]["macro_roc_auc"] == 0.5


def test_probabilities_are_of_each_genre(multi: Project) -> None:
    found = Predictions.read(multi.root / "data/predictions/official/crnn.h5", stage="evaluate")
    assert found.labelling.task.name == "multi"
    assert len(found.genres) == 12
    assert abs(found.probabilities.sum(axis=1) - 1).max() > 0.01


def test_leaderboard_card_and_page_speak_of_the_task(multi: Project) -> None:
    leaderboard = (multi.root / "metrics/leaderboard.md").read_text()
    card = (multi.root / "metrics/cards/official/crnn.md").read_text()
    page = (multi.root / "plots/report.html").read_text()
    for text in (leaderboard, card, page):
        assert "macro_average_precision" in text
        assert "macro_f1 [95 %]" not in text
        assert "study_f1" not in text


def test_learning_curves_can_be_shown(multi: Project, tmp_path: Path) -> None:
    curves = pd.read_csv(multi.root / "plots/curves.csv")
    assert set(curves) >= CURVES
    multi.dvc("plots", "show", "--out", str(tmp_path / "shown"))
    assert "average precision" in (tmp_path / "shown/index.html").read_text()


def test_the_trained_network_predicts_a_file(multi: Project, corpus: Path) -> None:
    sound = next(track for track in mini_tracks() if track.defect is Defect.NONE)
    song = (corpus / NAME).resolve() / track_file(sound.track_id)
    printed = multi.stage("fmagc", "predict", str(song), "--model", "data/models/official/crnn/0")
    genres = pd.read_csv(multi.root / "data/index/genres.csv")["genre"]
    assert any(genre in printed for genre in genres)


def test_a_genre_whose_training_tracks_were_all_rejected_is_named(multi: Project) -> None:
    ledger = pd.read_csv(multi.root / "data/waves/ledger.csv", keep_default_na=False)
    rejected = ledger.loc[ledger["status"] == "rejected", "track_id"]
    path = multi.root / "data/index/splits/official.csv"
    split = read_csv(path, stage="index", keep_default_na=False)
    assert "could be decoded" not in multi.stage("stages.stats", "official")
    split.loc[split["track_id"] == rejected.iloc[0], ["genres", "set"]] = "Lost", "train"
    path.unlink()  # a link into DVC's cache
    write_csv(path, split)
    assert "no training track of Lost could be decoded" in multi.stage("stages.stats", "official")
