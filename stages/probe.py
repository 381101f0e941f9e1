"""Fit a linear probe to the embeddings of one frozen encoder, and evaluate it."""

import argparse
import sys

from fmagc.baselines.probe import predict_embedded
from fmagc.cache.ledger import read_rejected
from fmagc.cache.reader import Cache
from fmagc.cache.training_share import read_split_with_share
from fmagc.corpus.index import read_genre_table, read_names, read_split
from fmagc.evaluation.results import write_results, write_share_results
from fmagc.params.corpus import Index
from fmagc.params.encoders import Encoder
from fmagc.params.evaluation import Evaluate
from fmagc.paths import EMBEDDINGS, LEDGER, MELS
from fmagc.runtime.entrypoint import run_stage


def main() -> None:
    """Run the stage probe, or share_probe with a share of the training set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("encoder")
    parser.add_argument("--share", type=float, help="of the training set, below 1")
    arguments = parser.parse_args()
    protocol, name, share, settings = arguments.protocol, arguments.encoder, arguments.share, Evaluate.load("evaluate")
    folder, stage, C = EMBEDDINGS / name, f"embed@{name}", Encoder.load(f"encoders.{name}").C
    rejected, vectors = read_rejected(folder, stage=stage), Cache(folder, EMBEDDINGS.name, stage=stage)
    if share is None:
        split = read_split(protocol)
    else:
        mels = Cache(MELS, "mels", stage="mel", verify_rows=False)
        split = read_split_with_share(protocol, share, mels=mels, seed=Index.load("index").seed)
    predictions, classifier = predict_embedded(name, vectors, split, without_vector=rejected, protocol=protocol, C=C)
    if share is None:
        scores = write_results(predictions, settings=settings, names=read_names(), genres=read_genre_table())
    else:
        scores = write_share_results(predictions, split, share=share, settings=settings, genres=read_genre_table())
    print(f"{name}: chosen {dict(classifier.chosen)}, {scores}")
    if rejected:
        print(f"{len(rejected)} tracks have no vector and are given the shares of the genres: {folder / LEDGER}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
