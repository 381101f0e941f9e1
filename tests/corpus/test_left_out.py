"""The reasons for which tracks are left out."""

import pandas as pd

from fmagc.corpus.left_out import count_reasons, reason_of


def test_a_track_is_left_out_for_what_it_lacks() -> None:
    assert [reason_of(*cells) for cells in (("Rock", "Punk;Rock"), ("", "Punk"), ("", ""))] == [
        "",
        "no chosen genre",
        "no genre",
    ]
    assert reason_of([], ()) == "no genre"


def test_reasons_are_counted_without_their_details() -> None:
    reasons = pd.Series(["no genre", "several chosen genres: Jazz, Rock", "several chosen genres: Folk, Pop"])
    assert count_reasons(reasons) == "1 no genre, 2 several chosen genres"
    assert count_reasons(reasons[:0]) == ""
