"""Figures of robustness: each model's marker is where its number is, and what was not measured is said."""

from typing import Any

import pandas as pd
import pytest
from matplotlib.colors import to_hex

from fmagc.errors import DataError
from fmagc.reporting.figures import robustness


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"model": ["cnn1d", "crnn"], "seed": 0, "tracks": 8, **columns})


def test_each_model_has_its_marker_where_its_number_is() -> None:
    changes = pd.concat(
        [
            table(transform="gain_db", strength=-6.0, flipped=[0.5, 0.25], kl=[0.2, 0.0]),
            table(transform="mp3_kbps", strength=64.0, flipped=[0.0, 1.0], kl=[0.1, 2.5]),
        ]
    )
    figure = robustness.prediction_changes(pd.concat([changes, changes.assign(seed=1, flipped=0.0)]))
    flips, divergences = figure.axes
    assert [label.get_text() for label in flips.get_yticklabels()] == ["gain, -6 dB", "MP3, 64 kbit/s"]
    drawn = {
        (to_hex(line.get_color()).upper(), line.get_marker(), round(float(line.get_ydata()[0]))): line.get_xdata()[0]
        for line in flips.lines
        if line.get_marker() != "None"
    }
    assert drawn == {  # means over the two seeds, from the top
        ("#0072B2", "o", 0): 0.25,
        ("#009E73", "^", 0): 0.125,
        ("#0072B2", "o", 1): 0.0,
        ("#009E73", "^", 1): 0.5,
    }
    low, high = divergences.get_xlim()
    assert low == 0
    assert high > 2.5
    assert flips.yaxis_inverted()


def test_solid_lines_are_equivariance() -> None:
    errors = pd.concat(
        [table(view="mel", steps=steps, equivariance=[steps % 1, 0.0], invariance=[0.7, 0.8]) for steps in (0.5, 1.0)]
    )
    (panel,) = robustness.encoder_shifts(errors).axes
    drawn = {(line.get_marker(), line.get_linestyle()): line.get_ydata().tolist() for line in panel.lines}
    assert drawn == {
        ("o", "-"): [0.5, 0.0],
        ("o", ":"): [0.7, 0.7],
        ("^", "-"): [0.0, 0.0],
        ("^", ":"): [0.8, 0.8],
    }
    with pytest.raises(DataError, match="found no steps"):
        robustness.encoder_shifts(errors.drop(columns="steps"))


def test_figures_say_what_was_not_measured() -> None:
    nan = float("nan")
    changes = pd.concat(
        [
            table(transform="time_shift_s", strength=1.0, flipped=nan, kl=nan).assign(tracks=0),
            table(transform="gain_db", strength=6.0, flipped=[0.5, 0.25], kl=0.1),
        ]
    )
    figure = robustness.prediction_changes(changes)
    gaps = "most test tracks are too short for what is not measured"
    assert figure.get_supxlabel() == f"the middle clip of 8 test tracks; one clip is 0.12 of all; {gaps}"
    for ax in figure.axes:
        assert [(text.get_text(), text.get_position()[1]) for text in ax.texts] == [("not measured", 0)]
        assert [len(line.get_xdata()) for line in ax.lines if line.get_marker() != "None"] == [1, 1]
    errors = pd.concat(
        [
            table(view="mel", steps=0.5, equivariance=0.1, invariance=0.2),
            table(view="mel", steps=2.0, equivariance=nan, invariance=nan).assign(tracks=0),
        ]
    )
    for measured in (errors, errors[errors["tracks"] == 0]):
        (panel,) = robustness.encoder_shifts(measured).axes
        assert [(text.get_text(), text.get_position()[0]) for text in panel.texts] == [("not measured", 2.0)]
        low, high = panel.get_xlim()
        assert low < 2.0 <= high
