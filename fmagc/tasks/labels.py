"""Labels: the genres of the tracks of a table, each set of genres as a number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # who only predicts needs no tables, and pandas takes half a second
    import pandas as pd

    from fmagc.tasks.task import Task

__all__ = ["SEPARATOR", "Labels"]

SEPARATOR = ";"  # of the genres of a track, where a table names several


@dataclass(frozen=True, eq=False)
class Labels:
    """The genres to predict, and the sets of them that tracks carry.

    A label is the number of a set, so that a batch carries one integer a track whatever the task. Where a track has one
    genre, set number k is genre number k alone.

    Attributes
    ----------
    task : Task
    genres : tuple of str [shape=(K,)]
        Alphabetical; a class is its position.
    texts : tuple of str [shape=(C,)]
        Each set as the table of a split has it.
    members : np.ndarray [shape=(C, K), bool]
        Which genres each set holds.
    """

    task: "Task"
    genres: tuple[str, ...]
    texts: tuple[str, ...]
    members: npt.NDArray[np.bool_]

    def encode(self, split: "pd.DataFrame") -> npt.NDArray[np.int64]:
        """Return the label of each row of a split [shape=(N,), int64]."""
        codes = {text: code for code, text in enumerate(self.texts)}
        return np.array([codes[text] for text in split[self.task.column]], dtype=np.int64)

    def indicators(self, split: "pd.DataFrame") -> npt.NDArray[np.bool_]:
        """Tell which genres each row of a split carries [shape=(N, K), bool]."""
        return self.members[self.encode(split)]

    def count(self, split: "pd.DataFrame") -> dict[str, int]:
        """Count the rows of each genre."""
        return dict(zip(self.genres, self.indicators(split).sum(axis=0).tolist(), strict=True))

    def crosstab(self, split: "pd.DataFrame", by: str) -> "pd.DataFrame":
        """Count the rows of each genre for each value of a column: values ascending, genres in their order."""
        import pandas as pd

        carried = pd.DataFrame(self.indicators(split), columns=pd.Index(self.genres))
        return carried.groupby(split[by].to_numpy()).sum().rename_axis(index=by)

    def names(self, code: int) -> Sequence[str]:
        """List the genres of a label."""
        return [genre for genre, held in zip(self.genres, self.members[code], strict=True) if held]
