"""The reasons for which tracks are left out of a run, whatever the corpus and the task."""

from collections.abc import Sized

import pandas as pd

__all__ = ["count_reasons", "reason_of"]


def reason_of(chosen: Sized, listed: Sized) -> str:
    """Say why a track has no class, by the chosen genres that it carries and all that its table lists.

    Returns
    -------
    str
        Empty where the track has a chosen genre.
    """
    return "" if chosen else "no chosen genre" if listed else "no genre"


def count_reasons(reasons: "pd.Series[str]") -> str:
    """Count the tracks of each reason for people; a colon begins the details of one track, and none makes no text."""
    counts = reasons.str.split(":").str[0].value_counts().sort_index()
    return ", ".join(f"{count} {reason}" for reason, count in counts.items())
