"""The measures of many genres at the size of FMA: ``python -m tests.bench.measures GENRES_CSV [--models 5]``.

GENRES_CSV is FMA's. Made-up models predict 11,000 validation and 11,000 test tracks with three seeds, one clip a track.
It prints a line of JSON: for each step the seconds of a core that one model takes, of all models where they are
compared, and the peak of memory until then.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from fmagc.evaluation.confusions import confusion_table
from fmagc.evaluation.error_analysis import analyse
from fmagc.evaluation.predictions import Predictions
from fmagc.evaluation.significance import Correctness, compare_all
from fmagc.evaluation.summary import summarise
from tests.support.many_genres import fma_tree, names_of, predictions_of_split, split_of

SEEDS = (0, 1, 2)
DRAWS = {"resamples": 1000, "seed": 0}

T = TypeVar("T")


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("genres", type=Path)
    parser.add_argument("--models", type=int, default=5)
    given = parser.parse_args()
    tree, found = fma_tree(given.genres), {}
    split = split_of(tree, tracks=44_000)

    def measure(name: str, step: Callable[[], T]) -> T:
        began = time.process_time()
        result = step()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found[name] = {"core_s": round(time.process_time() - began, 1), "peak_mib": peak // 1024}
        return result

    with tempfile.TemporaryDirectory() as folder:
        models = {}
        for n in range(given.models):
            path = Path(folder, f"{n}.h5")
            made = predictions_of_split(split, model="m" * (n + 1), seeds=SEEDS, clips=1, skill=2 + n / 2)
            measure("write", lambda made=made, path=path: made.write(path))
            del made
            own = measure("read", lambda path=path: Predictions.read(path, stage="bench"))
            models[str(n)] = measure("score and resample", lambda own=own: Correctness.of(own, **DRAWS))
        found["file_mib"] = path.stat().st_size >> 20
    measure("compare all", lambda: compare_all(models))
    measure("summarise tracks and clips", lambda: summarise(own, genres=tree, **DRAWS))
    measure("analyse", lambda: analyse(own, names=names_of(split)))
    measure("confusions", lambda: confusion_table(own))
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main()
