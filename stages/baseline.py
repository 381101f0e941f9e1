"""Fit and judge one baseline of the field on the clips that the networks are judged on."""

import argparse
import sys

import numpy as np
from tqdm import tqdm

from fmagc.console import run
from fmagc.corpus.index import genres_of, read_split
from fmagc.evaluation.baselines import BASELINES
from fmagc.evaluation.results import publish, table_of
from fmagc.params.evaluation import Evaluate
from fmagc.params.signal import Clip
from fmagc.store.cache import MELS, Cache
from fmagc.store.windows import clip_table, labelled


def main() -> None:
    """Baseline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("baseline", choices=sorted(BASELINES))
    arguments = parser.parse_args()
    protocol, name = arguments.protocol, arguments.baseline
    evaluate = Evaluate.load("evaluate")
    recipe = BASELINES[name].recipe(BASELINES[name].settings.load(f"baselines.{name}"))
    split = read_split(protocol)
    genres = genres_of(split)
    mels = Cache(MELS, "mels", facts=["ref_db"], made_by="mel")
    clip_frames = Clip.load("clip").samples // mels.params["mel"]["hop_length"]
    tracks = labelled(split, mels.lengths, genres=genres)
    clips = clip_table(tracks, clip_frames=clip_frames, n_clips=evaluate.clips)
    rows = ((mels[track_id], start) for track_id, start in zip(clips["track_id"], clips["start"], strict=True))
    X = np.stack(
        [
            recipe.features(row.values[start : start + clip_frames].astype(np.float64) + row.facts["ref_db"])
            for row, start in tqdm(rows, total=len(clips), unit="clip", desc=name)
        ]
    )
    y, sets = clips["label"].to_numpy(), clips["set"].to_numpy()
    train, val = sets == "train", sets == "val"
    classifier = recipe.fit(X[train], y[train], X[val], y[val], n_classes=len(genres))
    judged = clips[~train]
    table = table_of(classifier.predict_proba(X[~train]), judged, genres=genres, protocol=protocol, model=name, seed=0)
    metrics = publish(table, protocol=protocol, model=name, settings=evaluate)
    print(f"{name}: chosen {dict(classifier.chosen)}, accuracy {metrics['accuracy']}, macro_f1 {metrics['macro_f1']}")


if __name__ == "__main__":
    sys.exit(run(main))
