"""Fit one baseline to a share of the training set, and predict the tracks that the stage baseline does."""

import argparse
import sys

from fmagc.baselines.predict import predict_tracks
from fmagc.baselines.registry import BASELINES
from fmagc.cache.reader import Cache
from fmagc.cache.training_share import read_share
from fmagc.evaluation.results import write_share_results
from fmagc.params.corpus import Index
from fmagc.params.evaluation import Evaluate
from fmagc.params.signal import Clip
from fmagc.paths import MELS
from fmagc.runtime.entrypoint import run_stage


def main() -> None:
    """Run the stage share_baseline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("share", type=float)
    parser.add_argument("baseline", choices=sorted(BASELINES))
    arguments = parser.parse_args()
    protocol, share, name = arguments.protocol, arguments.share, arguments.baseline
    settings = Evaluate.load("evaluate")
    recipe = BASELINES[name].recipe(BASELINES[name].settings.load(f"baselines.{name}"))
    mels = Cache(MELS, "mels", columns=["ref_db"], stage="mel")
    split = read_share(protocol, share, mels=mels, seed=Index.load("index").seed)
    predictions, _ = predict_tracks(
        name,
        recipe,
        mels,
        split,
        protocol=protocol,
        clip_samples=Clip.load("clip").samples,
        n_clips=settings.clips,
        crop=settings.crop,
    )
    metrics = write_share_results(predictions, split, share=share, settings=settings)
    print(f"{name}, share {share}: accuracy {metrics['accuracy']}, macro_f1 {metrics['macro_f1']}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
