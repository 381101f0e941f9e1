"""Measure index, the results of a model, compare and report at the size of FMA's own task.

``python -m tests.bench.many_genres PROJECT GENRES`` takes the folder of a finished multi-label run of any small corpus
and FMA's genres.csv. In a copy of the run it puts stand-ins in place of tracks and predictions: as many tracks as FMA
has, of genres as unequal as FMA's, by artists of whom few have many tracks. The networks stay those of the run. It
prints a line of JSON for each step: seconds of the clock and of a core, and the peak of the resident set in MiB.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import chdir
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from fmagc.corpus.fma.layout import METADATA, track_file
from fmagc.corpus.index import read_genre_table, read_names, read_split
from fmagc.demo.tables import COLUMNS
from fmagc.evaluation.clips_per_track import clip_counts, count_table, score_counts
from fmagc.evaluation.results import write_results
from fmagc.params.evaluation import Evaluate
from fmagc.params.run import Run
from fmagc.params.schema import check
from fmagc.paths import CARD, CLEANING, CLIP_COUNTS, MANIFEST, PARAMS_FILE, RAW, TIMELINES, training_folder
from fmagc.runtime.files import file_sha1, read_record, write_record
from fmagc.runtime.tables import write_csv
from fmagc.tasks.task import labels_of
from tests.bench.watch import watch
from tests.support.dag import ROOT
from tests.support.many_genres import predictions_of_split

TRACKS = 106_574
_MOST_TRACKS = 300  # of an artist
_SPLITS = {"training": 0.8, "validation": 0.1, "test": 0.1}
_SKILL = {"majority": 0.0, "logreg_mel": 1.0, "svm_mfcc": 1.2}  # of the stand-ins; that of networks is 2


def main() -> None:
    """Measure and print, or write the results of one model in a copy that another process made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path, help="folder of a finished multi-label run")
    parser.add_argument("genres", type=Path, help="FMA's genres.csv")
    parser.add_argument("--tracks", type=int, default=TRACKS)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.model:
        with chdir(arguments.project):
            write_standin_results(arguments.model)
        return
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "run"
        shutil.copytree(arguments.project, project, symlinks=True, ignore=shutil.ignore_patterns(".git", ".dvc"))
        write_metadata(project, arguments.genres.resolve(), n_tracks=arguments.tracks)
        run = check(project / PARAMS_FILE).run
        _measure(project, "stages.index")
        for model in [*run.models, *run.baselines]:
            _measure(project, "tests.bench.many_genres", ".", str(arguments.genres), "--model", model)
        _stand_in_for_networks(project, run)
        for stage in ("compare", "report"):
            _measure(project, f"stages.{stage}")


def write_metadata(project: Path, genres: Path, *, n_tracks: int) -> None:
    """Write FMA's two tables with stand-in rows below data/raw of a project, and the record of its files."""
    rng = np.random.default_rng(0)
    tree = pd.read_csv(genres)
    parents = dict(zip(tree["genre_id"].tolist(), tree["parent"].tolist(), strict=True))
    titles = dict(zip(tree["genre_id"].tolist(), tree["title"].tolist(), strict=True))
    counts = dict(zip(tree["genre_id"].tolist(), tree["#tracks"].tolist(), strict=True))
    below = {genre: sum(counts[child] for child in parents if parents[child] == genre) for genre in parents}
    own = np.array([max(counts[genre] - below[genre], int(counts[genre] > 0)) for genre in parents], dtype=float)
    sizes = (rng.pareto(1.0, n_tracks) + 1).astype(int).clip(max=_MOST_TRACKS)
    artists = np.repeat(np.arange(1, n_tracks + 1), sizes)[:n_tracks]
    loved = rng.choice(list(parents), (n_tracks + 1, 3), p=own / own.sum())  # genres of an artist
    split = rng.choice(list(_SPLITS), n_tracks + 1, p=list(_SPLITS.values()))
    n_drawn = rng.integers(1, 4, n_tracks)

    def lineage(genre: int) -> list[int]:
        return [genre, *lineage(parents[genre])] if genre else []

    metadata = project / RAW / "fma_large" / METADATA[0]
    metadata.parent.mkdir(parents=True)
    shutil.copyfile(genres, metadata.with_name("genres.csv"))
    with metadata.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerows([["", *(group for group, _ in COLUMNS)], ["", *(name for _, name in COLUMNS)]])
        rows.writerow(["track_id", *[""] * len(COLUMNS)])
        for n, artist in enumerate(artists.tolist()):
            genre_ids = list(dict.fromkeys(rng.choice(loved[artist], n_drawn[n]).tolist()))
            lineages = [lineage(genre) for genre in genre_ids]
            roots = {titles[own_lineage[-1]] for own_lineage in lineages}
            cells = {
                ("artist", "id"): artist,
                ("artist", "name"): f"Artist {artist}",
                ("set", "split"): split[artist],
                ("set", "subset"): "large",
                ("track", "genre_top"): roots.pop() if len(roots) == 1 else "",
                ("track", "genres"): genre_ids,
                ("track", "genres_all"): sorted({genre for own_lineage in lineages for genre in own_lineage}),
                ("track", "title"): f"Song {n}",
            }
            rows.writerow([n + 1, *(cells.get(column, "") for column in COLUMNS)])
    files = {name: {"bytes": 1, "sha1": file_sha1(metadata.parents[1] / name)} for name in METADATA}
    files |= {f"fma_large/{track_file(n + 1)}": {"bytes": 1, "sha1": f"{n:040x}"} for n in range(n_tracks)}
    with chdir(project):
        manifest = read_record(MANIFEST, stage="fetch", cached=False)
        write_record(MANIFEST, manifest | {"dataset": "fma_large", "files": files})
        text = PARAMS_FILE.read_text(encoding="utf-8")
        PARAMS_FILE.write_text(text.replace("subset: small", "subset: large"), encoding="utf-8")


def write_standin_results(model: str) -> None:
    """Write what a stage of results writes of a model, in the present folder."""
    run, settings = Run.load("run"), Evaluate.load("evaluate")
    seeds = tuple(run.seeds) if model in run.models else (0,)
    predict = partial(predictions_of_split, read_split(run.protocols[0]), model=model, skill=_SKILL.get(model, 2.0))
    spent = 0.0
    if model in run.models:  # first, as the stage has it: clips of one seed at a time
        counts, tables = clip_counts(1, clip_samples=1), []
        for seed in seeds:
            predictions = {n: predict(seeds=(seed,), clips=n) for n in counts}
            began = time.process_time()
            tables.append(score_counts(predictions, clip_s=1.0))
            spent += time.process_time() - began
            del predictions
        write_csv(CLIP_COUNTS / run.protocols[0] / f"{model}.csv", count_table(tables))
    predictions = predict(seeds=seeds, clips=settings.clips)
    began = time.process_time()
    print(write_results(predictions, settings=settings, names=read_names(), genres=read_genre_table()))  # noqa: T201
    results = time.process_time() - began
    print(f"core seconds: {spent:.1f} of numbers of clips, {results:.1f} of the results themselves")  # noqa: T201


def _stand_in_for_networks(project: Path, run: Run) -> None:
    """Let the cards, the timelines and the count of tracks of the run tell of the stand-ins' genres."""
    with chdir(project):
        protocol = run.protocols[0]
        split = read_split(protocol)
        genres = read_genre_table()["genre"].tolist()
        cleaning = read_record(CLEANING, stage="explore", cached=False)
        accepted = {"accepted_by_set": split["set"].value_counts().to_dict()}
        accepted["training_by_genre"] = labels_of(split).count(split[split["set"] == "train"])
        write_record(CLEANING, cleaning | {name: {protocol: counts} for name, counts in accepted.items()})
        track_id = int(split.loc[split["set"] == "test", "track_id"].iloc[0])
        for model in run.models:
            for seed in run.seeds:
                path = training_folder(protocol, model, seed) / CARD
                write_record(path, read_record(path, stage="train") | {"genres": genres})
            path = TIMELINES / protocol / f"{model}.csv"
            timeline = pd.read_csv(path)[["track_s", "clip_s", "start_s"]]
            p = np.random.default_rng(0).random((len(timeline), len(genres))) ** 8
            columns = [f"p_{genre}" for genre in genres]
            write_csv(path, pd.concat([timeline.assign(track_id=track_id), pd.DataFrame(p, columns=columns)], axis=1))


def _measure(project: Path, *command: str) -> None:
    """Run a module in a project, watch it, and print what it took."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            [sys.executable, "-m", *command], cwd=project, env=environment, stdout=log, stderr=log, text=True
        ) as process,
    ):
        seen = watch(process, every_s=0.05)
        log.seek(0)
        printed = log.read()
    assert process.returncode == 0, printed
    took = {"wall_s": round(time.monotonic() - began, 1), "core_s": round(sum(it.core_s for it in seen.values()), 1)}
    peak = max(it.peak_mib for it in seen.values())
    print(json.dumps({"command": command, **took, "peak_mib": peak, "printed": printed.splitlines()[-2:]}))  # noqa: T201


if __name__ == "__main__":
    main()
