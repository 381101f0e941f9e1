"""The figures of several genres a track show each genre's numbers, with names that neither overlap nor are cut off."""

from itertools import chain, pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fmagc.errors import DataError
from fmagc.evaluation.ranking import precision_by_chance
from fmagc.reporting.figures import style
from fmagc.reporting.figures.false_positives import false_positive_table
from fmagc.reporting.figures.precision import precision_by_size
from fmagc.reporting.figures.tree import genre_tree
from tests.support.dag import ROOT
from tests.support.many_genres import fma_tree, small_tree

FMA = next((path for folder in ROOT.parents if (path := folder / "shared/fma/genres.csv").exists()), None)
TREES = [
    small_tree(),
    pytest.param("fma", marks=pytest.mark.skipif(FMA is None, reason="FMA's genres.csv is not here")),
]
ROWS = [
    {"genre": "Folk", "support": 40, "average_precision": 0.6},
    {"genre": "Freak-Folk", "support": 4, "average_precision": 0.05},
    {"genre": "Rock", "support": 0, "average_precision": None},
]
TREE = pd.DataFrame(
    [("Folk", "", 0, False), ("Freak-Folk", "Lost", 1, True), ("Lost", "Folk", 1, False), ("Rock", "", 0, True)],
    columns=["genre", "parent", "depth", "is_leaf"],
)


@pytest.fixture(params=TREES, ids=["small", "fma"])
def tree(request: pytest.FixtureRequest) -> pd.DataFrame:
    return fma_tree(FMA) if isinstance(request.param, str) else request.param


def _rows(tree: pd.DataFrame) -> list[dict]:
    scores = np.random.default_rng(0).random(len(tree)).round(3).tolist()
    return [{"genre": genre, "support": n, "average_precision": scores[n - 1]} for n, genre in enumerate(tree.genre, 1)]


def _by_size(rows: list[dict], tree: pd.DataFrame) -> Figure:
    sizes = {row["genre"]: 3 * row["support"] for row in rows}
    depths = dict(zip(tree["genre"], tree["depth"], strict=True))
    return precision_by_size(rows, training=sizes, depths=depths, n_tracks=500, title="crnn")


def test_a_point_is_a_genre_at_its_training_tracks_beside_its_chance() -> None:
    depths = {"Folk": 0, "Freak-Folk": 1, "Rock": 0, "Pop": 0}
    unseen = {"genre": "Pop", "support": 3, "average_precision": 0.1}
    ax = precision_by_size(
        [*ROWS, unseen],
        training={"Folk": 900, "Freak-Folk": 30, "Rock": 9, "Pop": 0},
        depths=depths,
        n_tracks=80,
        title="crnn",
    ).axes[0]
    drawn = {line.get_label(): (line.get_xdata().tolist(), line.get_ydata().tolist()) for line in ax.lines}
    assert drawn == {
        "by chance": ([900, 30, 0], precision_by_chance([40, 4, 3], 80).tolist()),
        "root": ([900, 0], [0.6, 0.1]),
        "second level": ([30], [0.05]),
    }, "a genre without test tracks has no place"
    assert ax.get_xscale() == "symlog", "a genre whose training tracks were lost is at 0"
    assert {text.get_text() for text in ax.texts} == {"Folk", "Freak-Folk", "Pop"}
    assert [tick for tick in ax.get_xticks() if tick in (0, 1, 2, 5, 100, 500)] == [0, 1, 2, 5, 100, 500]
    assert (
        precision_by_size(
            ROWS, training={"Folk": 900, "Freak-Folk": 30, "Rock": 0}, depths=depths, n_tracks=80, title="crnn"
        )
        .axes[0]
        .get_xscale()
        == "log"
    )


def test_genres_without_a_test_track_are_not_drawn_alone() -> None:
    with pytest.raises(DataError, match="expected a genre with test tracks"):
        precision_by_size(ROWS[2:], training={"Rock": 3}, depths={"Rock": 0}, n_tracks=8, title="crnn")


def test_names_of_points_keep_apart(tree: pd.DataFrame) -> None:
    figure = _by_size(_rows(tree), tree)
    boxes = _text_boxes(figure)
    assert len(boxes) >= 12
    for place, (one, name) in enumerate(boxes):
        for other, another in boxes[place + 1 :]:
            assert not one.overlaps(other), (name, another)


def test_names_are_of_the_genres_farthest_from_the_trend() -> None:
    rows = [{"genre": f"g{n}", "support": n, "average_precision": 0.3} for n in range(1, 200)]
    rows[120]["average_precision"] = 0.9
    figure = precision_by_size(
        rows,
        training={row["genre"]: row["support"] for row in rows},
        depths=dict.fromkeys((row["genre"] for row in rows), 0),
        n_tracks=200,
        title="crnn",
    )
    assert figure.axes[0].texts[0].get_text() == "g121"


def test_a_row_of_the_tree_is_a_genre_below_the_nearest_one_above_it() -> None:
    ax = genre_tree(ROWS, TREE, title="crnn").axes[0]
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["test tracks", "0.60", "Folk", "40", "0.05", "Freak-Folk", "4", "-", "Rock", "0"]
    folk, below, rock = (patch for patch in ax.patches if isinstance(patch, Rectangle))
    assert folk.get_x() < below.get_x()
    assert rock.get_x() == folk.get_x()
    assert rock.get_facecolor()[3] == 0, "no colour without a number"
    darkness = [sum(patch.get_facecolor()[:3]) for patch in (folk, below)]
    assert darkness[0] < darkness[1]


def test_the_tree_shows_every_genre_once_in_columns_of_like_height(tree: pd.DataFrame) -> None:
    figure = genre_tree(_rows(tree), tree, title="crnn")
    columns = [[text.get_text() for text in ax.texts][2::3] for ax in figure.axes if ax.patches]
    assert sorted(chain.from_iterable(columns)) == sorted(tree["genre"])
    if len(tree) > 24:
        assert abs(len(columns[0]) - len(columns[1])) < 0.2 * len(tree)
    for column in columns:
        roots = tree.loc[tree["depth"] == 0, "genre"].tolist()
        assert column[0] in roots, "no family is torn apart"


def test_without_a_genre_there_is_no_tree() -> None:
    with pytest.raises(DataError, match="at least one genre"):
        genre_tree([], TREE, title="crnn")


def test_false_positives_tell_whose_tracks_get_them() -> None:
    counts = {"Rock": 8.0, "Folk": 4.5, "Jazz": 2.0, "Pop": 1.0}
    tracks_of = [{"genre": genre, "count": n} for genre, n in counts.items()]
    ax = false_positive_table([{"genre": "Metal", "count": 10.0, "tracks_of": tracks_of}], title="crnn").axes[0]
    assert [text.get_text() for text in ax.texts][2:] == [
        "Metal (10)", "Rock (8, 80%)", "Folk (4.5, 45%)", "Jazz (2, 20%)"
    ]  # fmt: skip
    shades = [to_hex(patch.get_facecolor()) for patch in ax.patches]
    assert all(one < other for one, other in pairwise(shades)), "the larger the share, the darker"
    many = [{"genre": f"g{n}", "count": 99 - n, "tracks_of": tracks_of[:1]} for n in range(60)]
    assert len(false_positive_table(many, title="crnn").axes[0].patches) == 30
    empty = false_positive_table([], title="crnn").axes[0]
    assert [text.get_text() for text in empty.texts] == ["No test track gets a wrong genre."]


@pytest.mark.parametrize("wide", [False, True], ids=["as_it_is", "wide"])
def test_no_name_is_cut_off_or_written_over_another(tree: pd.DataFrame, wide: bool) -> None:
    if wide:  # as many letters as a name of FMA's may have, and all of the widest
        tree = tree.assign(**{name: tree[name].map(_widened) for name in ("genre", "parent")})
    rows = _rows(tree)
    names = sorted(tree["genre"], key=len, reverse=True)
    tracks_of = [{"genre": genre, "count": 12345.0} for genre in names[:3]]
    wrong = [{"genre": genre, "count": 23456.0, "tracks_of": tracks_of} for genre in names[:30]]
    for figure in (
        _by_size(rows, tree),
        genre_tree(rows, tree, title="crnn"),
        false_positive_table(wrong, title="crnn"),
    ):
        boxes = _text_boxes(figure)
        width, height = figure.bbox.width, figure.bbox.height
        for place, (box, name) in enumerate(boxes):
            assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= -1, name
            assert not any(box.overlaps(other) for other, _ in boxes[place + 1 :]), name


def _widened(name: str) -> str:
    return name and f"{name} {'W' * (29 - len(name))}"


def _text_boxes(figure: Figure) -> list[tuple]:
    """Return the boxes of the texts in the axes, as they are drawn, with the texts."""
    with style.drawing():
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        renderer = canvas.get_renderer()
        return [
            (text.get_window_extent(renderer), text.get_text())
            for ax in figure.axes
            for text in ax.texts
            if text.get_text().strip()
        ]
