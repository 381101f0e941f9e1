"""The figures show what they were given, look the same for the same data, and refuse what they cannot draw."""

import io
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from fmagc.errors import DataError
from fmagc.reporting.figures import bars, calibration, confusion, curves, data, style
from fmagc.reporting.figures.genres import genre_scores
from fmagc.reporting.figures.timeline import timeline
from fmagc.reporting.presentation.base import Presentation
from fmagc.reporting.presentation.registry import PRESENTATIONS

SINGLE = PRESENTATIONS["single"]
GENRES = ["Folk", "Hip-Hop", "Rock"]
SR = 8000


@pytest.fixture
def history() -> pd.DataFrame:
    rows = [
        {"protocol": "official", "model": model, "seed": seed, "epoch": epoch, "split": split, "loss": 2 / epoch + seed}
        | dict.fromkeys(("accuracy", "precision", "recall", "f1", "average_precision"), 0.1 * epoch)
        for model in ("crnn", "cnn1d")
        for seed in (0, 1)
        for epoch in (1, 2, 3)
        for split in ("train", "val")
    ]
    return pd.DataFrame(rows)


def test_curves_tell_models_sets_and_seeds_apart(history: pd.DataFrame) -> None:
    loss = curves.learning_curves(history, SINGLE.curves).axes[0]
    lines = [(to_hex(line.get_color()).upper(), line.get_linestyle(), line.get_linewidth()) for line in loss.lines]
    thick = {line[:2] for line in lines if line[2] > 1}
    assert thick == {(colour, dash) for colour in ("#0072B2", "#009E73") for dash in ("-", "--")}
    assert len(lines) == len(thick) + 2 * len(thick)  # a mean and two seeds for each


def test_the_thick_curve_is_the_mean_of_the_seeds(history: pd.DataFrame) -> None:
    loss = curves.learning_curves(history, SINGLE.curves).axes[0]
    means = [line.get_ydata() for line in loss.lines if line.get_linewidth() > 1]
    np.testing.assert_allclose(means, [[2.5, 1.5, 2 / 3 + 0.5]] * 4)


@pytest.mark.parametrize("presentation", PRESENTATIONS.values(), ids=PRESENTATIONS.keys())
def test_curves_leave_no_place_empty(history: pd.DataFrame, presentation: Presentation) -> None:
    figure = curves.learning_curves(history, presentation.curves)
    drawn = [ax for ax in figure.axes if ax.lines]
    assert [ax.get_title(loc="left") for ax in drawn] == list(presentation.curves.values())
    (key,) = (*figure.legends, *(own for ax in figure.axes if ax not in drawn and (own := ax.get_legend())))
    assert len(figure.axes) == len(drawn) + (not figure.legends)
    assert figure.axes[0].get_gridspec().get_geometry() == (2, len(figure.axes) / 2)
    names = ["cnn1d", "crnn", "training", "validation", "one seed", "mean of the seeds"]
    assert [text.get_text() for text in key.get_texts()] == names


def test_curves_of_two_protocols_are_not_mixed(history: pd.DataFrame) -> None:
    history.loc[history["seed"] == 1, "protocol"] = "artist"
    with pytest.raises(DataError, match="artist, official"):
        curves.learning_curves(history, SINGLE.curves)


@pytest.mark.parametrize("column", ["f1", "split"])
def test_a_missing_column_is_named(history: pd.DataFrame, column: str) -> None:
    with pytest.raises(DataError, match=rf"found no {column}"):
        curves.learning_curves(history.drop(columns=column), SINGLE.curves)


def test_confusion_rows_are_shares_of_the_true_genre() -> None:
    counts = np.array([[3, 1, 0], [0, 0, 0], [5, 0, 5]])
    figure = confusion.confusion_grid({"crnn": counts}, GENRES)
    shown = np.array([float(text.get_text()) for text in figure.axes[0].texts]).reshape(3, 3)
    np.testing.assert_allclose(shown, [[0.75, 0.25, 0], [0, 0, 0], [0.5, 0, 0.5]])
    top_to_bottom = [label.get_text().split(" (")[0] for label in figure.axes[0].get_yticklabels()]
    assert top_to_bottom == GENRES
    low, high = figure.axes[0].get_ylim()
    assert low > high, "the first genre is the top row"


def test_a_matrix_of_other_size_is_refused() -> None:
    with pytest.raises(DataError, match=r"3 x 3 .* found shape \(2, 2\)"):
        confusion.confusion_grid({"crnn": np.eye(2, dtype=int)}, GENRES)


def test_bars_show_each_interval_best_model_on_top() -> None:
    table = pd.DataFrame(
        [["svm_mfcc", 0.5, 0.4, 0.6, 0.45, 0.35, 0.55], ["crnn", 0.7, 0.6, 0.8, 0.65, 0.5, 0.8]],
        columns=["model", "accuracy", "accuracy_low", "accuracy_high", "macro_f1", "macro_f1_low", "macro_f1_high"],
    )
    accuracy = bars.interval_bars(
        table, ["accuracy", "macro_f1"], rank="macro_f1", chance={"accuracy": 1 / 3, "macro_f1": 1 / 4}
    ).axes[0]
    assert [label.get_text() for label in accuracy.get_yticklabels()] == ["svm_mfcc", "crnn"]
    drawn = {tuple(float(x) for x in line.get_xdata()) for line in accuracy.lines}
    assert {(0.4, 0.6), (0.6, 0.8), (0.5,), (0.7,), (1 / 3, 1 / 3)} == drawn


def test_the_mel_axis_names_the_bands_that_hold_the_tone() -> None:
    y = np.sin(2 * np.pi * 1024 * np.arange(SR) / SR).astype(np.float32)
    S_db = librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=SR, n_fft=1024, hop_length=256), ref=np.max)
    figure = data.spectrogram_grid({"tone": S_db}, sr=SR, hop_length=256, fmin=0, fmax=SR / 2, top_db=80)
    ax = figure.axes[0]
    ticks = {label.get_text(): place for label, place in zip(ax.get_yticklabels(), ax.get_yticks(), strict=True)}
    assert ticks["1024"] == pytest.approx(S_db.mean(axis=1).argmax(), abs=1)
    assert ax.get_xlim()[1] == pytest.approx(1.0, abs=0.05)  # seconds
    assert figure.axes[-1].get_ylabel().startswith("level")


def test_the_waveform_keeps_a_single_peak() -> None:
    y = np.zeros(200_000, dtype=np.float32)
    y[123_456] = 0.9
    ax = data.waveform_grid({"click": y}, sr=SR).axes[0]
    (path,) = ax.collections[0].get_paths()
    top = path.vertices[path.vertices[:, 1].argmax()]
    assert top[1] == pytest.approx(0.9)
    assert top[0] == pytest.approx(123_456 / SR, abs=0.03)


def test_class_balance_counts_each_set() -> None:
    splits = pd.DataFrame({"genre": ["Folk"] * 3 + ["Rock"], "set": ["train", "train", "test", "val"]})
    figure = data.class_balance(splits)
    widths = [[bar.get_width() for bar in group] for group in figure.axes[0].containers]
    assert widths == [[0, 2], [1, 0], [0, 1]]  # from the bottom: Rock, Folk
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["training (2)", "validation (1)", "test (1)"]


def test_class_balance_ranks_many_genres_by_size_and_shows_sets_without_a_track() -> None:
    sizes = {f"Genre {n:02d}": n + 1 for n in range(50)}
    training = pd.DataFrame({"genre": np.repeat(list(sizes), list(sizes.values())), "set": "train"})
    other = pd.DataFrame({"genre": ["Genre 07", "Genre 07", "Genre 30"], "set": ["val", "val", "test"]})
    figure = data.class_balance(pd.concat([training, other]))
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == list(sizes)  # from the bottom
    drawn = [line.get_xdata().tolist() for line in ax.lines]
    assert drawn[0] == list(sizes.values())
    assert [sum(counts) for counts in drawn[1:]] == [2, 1]
    assert drawn[1][7] == 2
    assert ax.get_xlim()[0] < 0, "a point on 0 is seen"
    assert figure.get_figheight() < 12
    assert _overhang_inches(figure) <= 0.01


def test_rejections_are_counted_and_none_is_said_plainly() -> None:
    ax = data.rejected({"too_short": 3, "no_audio": 1, "truncated": 0}, requested=192).axes[0]
    assert ax.get_title(loc="left") == "4 of 192 tracks rejected"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["no audio", "too short"]
    empty = data.rejected({"too_short": 0}, requested=8000).axes[0]
    assert [text.get_text() for text in empty.texts] == ["All 8,000 requested tracks were accepted."]


def test_new_models_get_colours_of_their_own() -> None:
    colours = style.model_colours(["crnn", "transformer", "another", "crnn"])
    assert colours["crnn"] == "#009E73"
    assert len(set(colours.values())) == 3


def test_the_same_figure_has_the_same_bytes_whatever_the_machine_prefers(tmp_path: Path) -> None:
    import matplotlib as mpl

    clips = {genre: np.sin(np.arange(2000) * 0.1) for genre in GENRES}
    style.save_png(data.waveform_grid(clips, sr=SR), tmp_path / "a.png")
    with mpl.rc_context({"font.size": 17, "savefig.dpi": 50, "axes.grid": False, "savefig.bbox": "tight"}):
        style.save_png(data.waveform_grid(clips, sr=SR), tmp_path / "made" / "b.png")
    first = (tmp_path / "a.png").read_bytes()
    assert first == (tmp_path / "made" / "b.png").read_bytes()
    assert b"matplotlib" not in first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "made"]


def test_a_name_that_is_very_long_is_shortened_and_leaves_the_axes_their_place() -> None:
    long = "Contemporary electroacoustic music for tape and a small ensemble, the first ten years"
    genres = ["Folk", long, f"{long} and after"]
    clips = {genre: np.sin(np.arange(2000) * 0.1) for genre in genres}
    split = pd.DataFrame({"genre": genres, "set": ["train", "val", "test"]})
    scores = {"crnn": [{"genre": genre, "support": 1000, "f1": 0.5} for genre in genres]}
    probabilities = np.full((4, 3), 1 / 3)
    along = {"clip_s": 4.0, "file_s": 10.0, "title": "x"}
    figures = [
        data.waveform_grid(clips, sr=SR),
        data.class_balance(split),
        confusion.confusion_grid({"a": np.eye(3, dtype=int)}, genres),
        genre_scores(scores),
        timeline(probabilities, np.arange(4.0), task="single", genres=genres, **along),
    ]
    for figure in figures:
        assert _overhang_inches(figure) <= 0.01
        drawn = sum(ax.get_position().width for ax in figure.axes[:2])
        assert drawn > 0.3, "of the width of the figure"
    titles = [ax.title for ax in figures[0].axes if ax.get_title()]
    boxes = [title.get_window_extent() for title in titles]
    assert not any(box.overlaps(other) for place, box in enumerate(boxes) for other in boxes[place + 1 :])
    assert figures[1].axes[0].get_ylim()[1] > 2, "names of the same beginning are genres of their own"


def test_no_text_is_cut_off_at_the_edge(history: pd.DataFrame) -> None:
    """Everything that is drawn lies within the page: a tight box would not be larger."""
    long_names = ["Electronic", "Old-Time / Historic", "Rock"]
    bins = [{"confidence": 0.4, "accuracy": 0.5, "rows": 9}]
    calibrations = {model: {"bins": bins, "bins_scaled": bins} for model in ("crnn", "majority")}
    figures = [
        *(
            calibration.reliability_diagrams(own, **presentation.calibration)
            for own in (calibrations, {"crnn": calibrations["crnn"]})
            for presentation in PRESENTATIONS.values()
        ),
        *(curves.learning_curves(history, presentation.curves) for presentation in PRESENTATIONS.values()),
        confusion.confusion_grid({"a": np.eye(3, dtype=int), "b": np.eye(3, dtype=int)}, long_names),
        data.rejected({"decoder_out_of_memory": 12_345}, requested=106_574),
        data.class_balance(pd.DataFrame({"genre": long_names, "set": ["train", "val", "test"]})),
    ]
    for figure in figures:
        assert _overhang_inches(figure) <= 0.01


def _overhang_inches(figure: Figure) -> float:
    with style.drawing():
        figure.savefig(io.BytesIO())
        box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    return float(max(-box.x0, -box.y0, box.x1 - width, box.y1 - height))
