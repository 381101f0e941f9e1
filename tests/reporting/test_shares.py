"""The words, the table and the figure of shares of the training set."""

from dataclasses import replace

import pandas as pd
import pytest

from fmagc.errors import DataError
from fmagc.reporting.figures.shares import share_curves
from fmagc.reporting.leaderboard import leaderboard_markdown
from fmagc.reporting.share_words import SHARES_LEGEND, share_lines
from tests.evaluation.test_share_curve import curve_of
from tests.reporting.test_leaderboard import CONTEXT, _entry


def test_the_words_say_who_leads_where_lines_cross_and_where_they_part() -> None:
    text = "\n".join(
        share_lines(
            curve_of(
                majority=(3, 3, 3),
                svm=(30, 34, 36),
                resnet=(24, 38, 58),
                cnn=(8, 9, 10),
                crnn=(31, 30, 37),
                a=(36, 36, 37),
            )
        )
    )
    assert "a leads at 50 tracks; resnet leads from 100 tracks on, by macro_f1." in text
    assert (
        "Against svm, the best baseline on the whole set: resnet is above it from 100 tracks on; "
        "a is above it at every size; crnn is above it at 50 and 200 tracks; cnn is above it at no size." in text
    )
    assert (
        "**Significantly better than svm: resnet at 200 tracks. Significantly worse than svm: cnn at every size.**"
        in text
    )


def test_where_nothing_parts_the_words_say_so() -> None:
    text = "\n".join(share_lines(curve_of(svm=(30, 30, 30), resnet=(31, 32, 33))))
    assert "**No network differs significantly from svm at any size.**" in text
    assert "| pairs that differ significantly | 0 of 1 | 0 of 1 | 0 of 1 |" in text


def test_the_table_has_a_column_for_each_size() -> None:
    text = "\n".join(share_lines(curve_of(svm=(30, 30, 30), resnet=(20, 32, 54))))
    header, _, first, *_ = [line for line in text.splitlines() if line.startswith("|")]
    assert header == "| macro_f1 [95 %] | 50 tracks | 100 tracks | 200 tracks |"
    assert first.startswith("| resnet | 0.33")


def test_words_and_table_name_the_measure_of_the_task() -> None:
    curve = curve_of(svm=(30, 30, 30), resnet=(20, 32, 54))
    renamed = {f"macro_f1{end}": f"macro_average_precision{end}" for end in ("", "_low", "_high")}
    curve = replace(curve, headline="macro_average_precision", table=curve.table.rename(columns=renamed))
    text = "\n".join(share_lines(curve))
    assert "by macro_average_precision." in text
    assert "| macro_average_precision [95 %] | 50 tracks" in text
    assert "macro_f1" not in text


def test_networks_alone_have_no_reference() -> None:
    assert "Against" not in "\n".join(share_lines(curve_of(resnet=(20, 32, 54))))


def test_the_leaderboard_has_a_section_where_there_are_shares_alone() -> None:
    plain = leaderboard_markdown([_entry("crnn", 0.6)], context=CONTEXT)
    assert SHARES_LEGEND not in plain
    assert "Training tracks" not in plain


def table_of(models: int) -> pd.DataFrame:
    rows = [(size, f"model{n}", 0.1 * n + size / 1000) for size in (50, 100, 200) for n in range(models)]
    table = pd.DataFrame(rows, columns=["tracks", "model", "macro_f1"])
    return table.assign(macro_f1_low=table["macro_f1"] - 0.05, macro_f1_high=table["macro_f1"] + 0.05)


def test_lines_rise_over_the_tracks_and_models_of_one_size_stand_apart() -> None:
    ax = share_curves(table_of(8), "macro_f1").axes[0]
    assert ax.get_xscale() == "log"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["50", "100", "200"]
    places = sorted(x for line in ax.lines for x in line.get_xdata())
    assert len({round(x, 6) for x in places}) == 24
    assert all(abs(x / size - 1) < 0.2 for x, size in zip(places, [50] * 8 + [100] * 8 + [200] * 8, strict=True))
    assert ax.lines[0].get_label() == "model7", "the best on the whole set comes first"
    assert list(ax.lines[0].get_ydata()) == pytest.approx([0.75, 0.8, 0.9])


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match="found no macro_f1_high"):
        share_curves(table_of(2).drop(columns="macro_f1_high"), "macro_f1")
