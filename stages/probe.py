"""Fit and evaluate a linear probe on the embeddings of one frozen encoder."""

import argparse
import sys

from fmagc.baselines.probe import predict_embedded
from fmagc.cache.ledger import read_rejected
from fmagc.cache.reader import Cache
from fmagc.corpus.index import read_names, read_split
from fmagc.evaluation.results import write_results
from fmagc.params.encoders import Encoder
from fmagc.params.evaluation import Evaluate
from fmagc.paths import EMBEDDINGS, LEDGER
from fmagc.runtime.entrypoint import run_stage


def main() -> None:
    """Run the stage probe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("encoder")
    arguments = parser.parse_args()
    protocol, name = arguments.protocol, arguments.encoder
    folder, stage = EMBEDDINGS / name, f"embed@{name}"
    rejected = read_rejected(folder, stage=stage)
    predictions, classifier = predict_embedded(
        name,
        Cache(folder, EMBEDDINGS.name, stage=stage),
        read_split(protocol),
        without_vector=rejected,
        protocol=protocol,
        C=Encoder.load(f"encoders.{name}").C,
    )
    metrics = write_results(predictions, settings=Evaluate.load("evaluate"), names=read_names())
    print(f"{name}: chosen {dict(classifier.chosen)}, accuracy {metrics['accuracy']}, macro_f1 {metrics['macro_f1']}")
    if rejected:
        print(f"{len(rejected)} tracks have no vector and are given the shares of the genres: {folder / LEDGER}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
