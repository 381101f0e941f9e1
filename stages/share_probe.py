"""Fit a linear probe on one frozen encoder to a share of the training set, and predict the tracks that probe does."""

import argparse
import sys

from fmagc.baselines.probe import predict_embedded
from fmagc.cache.ledger import read_rejected
from fmagc.cache.reader import Cache
from fmagc.cache.training_share import read_share
from fmagc.evaluation.results import write_share_results
from fmagc.params.corpus import Index
from fmagc.params.encoders import Encoder
from fmagc.params.evaluation import Evaluate
from fmagc.paths import EMBEDDINGS, MELS
from fmagc.runtime.entrypoint import run_stage


def main() -> None:
    """Run the stage share_probe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("share", type=float)
    parser.add_argument("encoder")
    arguments = parser.parse_args()
    protocol, share, name = arguments.protocol, arguments.share, arguments.encoder
    folder, stage = EMBEDDINGS / name, f"embed@{name}"
    mels = Cache(MELS, "mels", stage="mel", verify_rows=False)
    split = read_share(protocol, share, mels=mels, seed=Index.load("index").seed)
    predictions, _ = predict_embedded(
        name,
        Cache(folder, EMBEDDINGS.name, stage=stage),
        split,
        without_vector=read_rejected(folder, stage=stage),
        protocol=protocol,
        C=Encoder.load(f"encoders.{name}").C,
    )
    metrics = write_share_results(predictions, split, share=share, settings=Evaluate.load("evaluate"))
    print(f"{name}, share {share}: accuracy {metrics['accuracy']}, macro_f1 {metrics['macro_f1']}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
