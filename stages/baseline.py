"""Fit and evaluate one baseline of the field on the clips that the networks are evaluated on."""

import argparse
import sys

from fmagc.baselines.predict import predict_tracks
from fmagc.baselines.registry import BASELINES
from fmagc.cache.reader import Cache
from fmagc.corpus.index import read_names, read_split
from fmagc.evaluation.results import write_results
from fmagc.params.evaluation import Evaluate
from fmagc.params.signal import Clip
from fmagc.paths import MELS
from fmagc.runtime.entrypoint import run_stage


def main() -> None:
    """Run the stage baseline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("baseline", choices=sorted(BASELINES))
    arguments = parser.parse_args()
    protocol, name = arguments.protocol, arguments.baseline
    settings = Evaluate.load("evaluate")
    recipe = BASELINES[name].recipe(BASELINES[name].settings.load(f"baselines.{name}"))
    mels = Cache(MELS, "mels", columns=["ref_db"], stage="mel")
    clip_samples = Clip.load("clip").samples
    predictions, classifier = predict_tracks(
        name,
        recipe,
        mels,
        read_split(protocol),
        protocol=protocol,
        clip_samples=clip_samples,
        n_clips=settings.clips,
        crop=settings.crop,
    )
    metrics = write_results(predictions, settings=settings, names=read_names())
    print(f"{name}: chosen {dict(classifier.chosen)}, accuracy {metrics['accuracy']}, macro_f1 {metrics['macro_f1']}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
