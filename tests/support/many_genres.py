"""Made-up results of the multi-label task with many genres in a tree: what its figures, cards and pages are drawn of.

The tests take a small tree. To look at pages of the real size, take FMA's own: `fma_tree("shared/fma/genres.csv")`.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fmagc.evaluation.predictions import Predictions
from fmagc.tasks.labels import SEPARATOR
from fmagc.tasks.task import labels_of


def small_tree(*, roots: int = 3, branches: int = 2, leaves: int = 2) -> pd.DataFrame:
    """Make a tree of three levels as `corpus.index.read_genre_table` gives it: 3 + 6 + 12 genres."""
    rows = []
    for root in (f"Genre {n}" for n in range(roots)):
        rows.append((root, "", 0, False))
        for branch in (f"{root}.{n}" for n in range(branches)):
            rows.append((branch, root, 1, False))
            rows += [(f"{branch}.{n}", branch, 2, True) for n in range(leaves)]
    return pd.DataFrame(sorted(rows), columns=["genre", "parent", "depth", "is_leaf"])


def fma_tree(path: Path | str) -> pd.DataFrame:
    """Read FMA's genres.csv, whole, as `small_tree` makes its own."""
    table = pd.read_csv(path, keep_default_na=False)
    titles = dict(zip(table["genre_id"], table["title"], strict=True))
    above = [titles.get(number, "") for number in table["parent"]]
    parents = dict(zip(table["title"], above, strict=True))
    rows = [(own, parents[own], len(_lineage(own, parents)) - 1, own not in above) for own in table["title"]]
    return pd.DataFrame(sorted(rows), columns=["genre", "parent", "depth", "is_leaf"])


def split_of(tree: pd.DataFrame, *, tracks: int = 240, seed: int = 0) -> pd.DataFrame:
    """Draw tracks of one or two genres, with all those above them; few genres have many tracks, many have few."""
    rng = np.random.default_rng(seed)
    parents = dict(zip(tree["genre"], tree["parent"], strict=True))
    weights = 1 / rng.permutation(np.arange(1, len(tree) + 1))
    drawn = rng.choice(tree["genre"], size=(tracks, 2), p=weights / weights.sum())
    drawn[:, 1] = np.where(rng.random(tracks) < 0.3, drawn[:, 1], drawn[:, 0])
    texts = [SEPARATOR.join(sorted({above for genre in own for above in _lineage(genre, parents)})) for own in drawn]
    artists = rng.integers(0, tracks // 3, tracks)
    return pd.DataFrame(
        {
            "track_id": np.arange(tracks) + 100,
            "genres": texts,
            "artist_id": artists,
            "set": np.array(["train", "train", "val", "test"])[artists % 4],  # no artist in two sets
        }
    )


def predictions_of_split(
    split: pd.DataFrame, *, model: str = "crnn", seeds: tuple[int, ...] = (0,), clips: int = 2, skill: float = 3.0
) -> Predictions:
    """Predict the clips of the validation and test tracks; the higher the skill, the better."""
    labels = labels_of(split)
    carried = labels.indicators(split).mean(axis=0)
    rows = split[split["set"] != "train"].sort_values("track_id")
    codes = labels.encode(rows)
    n = len(rows) * clips
    p = []
    for seed in seeds:
        noise = np.random.default_rng([seed, len(model)]).normal(size=(n, len(labels.genres)))
        logits = np.log(carried / (1 - carried)) + skill * labels.members[np.repeat(codes, clips)] + noise
        p.append(np.round(1 / (1 + np.exp(-logits)), 6))

    def repeated(values: Any) -> Any:
        return np.tile(np.repeat(np.asarray(values), clips), len(seeds))

    return Predictions(
        protocol="official",
        model=model,
        labelling=labels,
        seeds=np.repeat(np.array(seeds, dtype=np.int64), n),
        track_ids=repeated(rows["track_id"]),
        artist_ids=repeated(rows["artist_id"]),
        sets=repeated(rows["set"].to_numpy(dtype=np.str_)),
        clips=np.tile(np.arange(clips), len(rows) * len(seeds)),
        labels=repeated(codes),
        probabilities=np.concatenate(p),
    )


def names_of(split: pd.DataFrame) -> pd.DataFrame:
    """Name the tracks of a split as `corpus.index.read_names` does."""
    return pd.DataFrame(
        {"track_id": split["track_id"], "artist": "A|<b>x</b> *y*", "title": [f"T{n}" for n in split["track_id"]]}
    )


def _lineage(genre: str, parents: dict[str, str]) -> list[str]:
    return [genre, *_lineage(parents[genre], parents)] if genre else []
