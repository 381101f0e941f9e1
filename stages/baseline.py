"""Fit one baseline of the field, and evaluate it on the clips that the networks are evaluated on."""

import argparse
import sys

from fmagc.baselines.predict import predict_tracks
from fmagc.baselines.registry import BASELINES
from fmagc.cache.reader import Cache
from fmagc.cache.training_share import read_split_with_share
from fmagc.corpus.index import read_genre_table, read_names, read_split
from fmagc.evaluation.results import write_results, write_share_results
from fmagc.params.corpus import Index
from fmagc.params.evaluation import Evaluate
from fmagc.params.signal import Clip
from fmagc.paths import MELS
from fmagc.runtime.entrypoint import run_stage


def main() -> None:
    """Run the stage baseline, or share_baseline with a share of the training set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("baseline", choices=sorted(BASELINES))
    parser.add_argument("--share", type=float, help="of the training set, below 1")
    arguments = parser.parse_args()
    protocol, name, share = arguments.protocol, arguments.baseline, arguments.share
    settings, clip_samples = Evaluate.load("evaluate"), Clip.load("clip").samples
    recipe = BASELINES[name].recipe(BASELINES[name].settings.load(f"baselines.{name}"))
    mels = Cache(MELS, "mels", columns=["ref_db"], stage="mel")
    if share is None:
        split = read_split(protocol)
    else:
        split = read_split_with_share(protocol, share, mels=mels, seed=Index.load("index").seed)
    which = {"protocol": protocol, "clip_samples": clip_samples, "n_clips": settings.clips, "crop": settings.crop}
    predictions, classifier = predict_tracks(name, recipe, mels, split, **which)
    if share is None:
        scores = write_results(predictions, settings=settings, names=read_names(), genres=read_genre_table())
    else:
        scores = write_share_results(predictions, split, share=share, settings=settings, genres=read_genre_table())
    print(f"{name}: chosen {dict(classifier.chosen)}, {scores}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
