"""Train one model with one seed on one protocol."""

import argparse
import sys

from fmagc.console import run
from fmagc.corpus.index import read_split
from fmagc.files import write_text
from fmagc.params.learning import Architecture, Train
from fmagc.params.run import Run
from fmagc.params.signal import Clip, Mel
from fmagc.staging import Staging
from fmagc.store.normalisation import read_normalisation
from fmagc.training.outputs import HISTORY, training_folder
from fmagc.training.train import train_model
from fmagc.training.weights import publish_trained


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("model")
    parser.add_argument("seed", type=int)
    arguments = parser.parse_args()
    protocol, name, seed = arguments.protocol, arguments.model, arguments.seed
    folder = training_folder(protocol, name, seed)
    with Staging(f"train/{protocol}-{name}-{seed}") as staging:
        weights, card, history = train_model(
            name,
            read_split(protocol),
            read_normalisation(protocol),
            seed=seed,
            settings=Train.load("train"),
            own=Architecture.load(f"models.{name}"),
            clip=Clip.load("clip"),
            mel=Mel.load("mel"),
            threads=Run.load("run").threads,
            staging=staging,
            out=folder,
        )
        publish_trained(folder, weights, card, staging=staging)
        named = history.assign(protocol=protocol, model=name, seed=seed)
        ordered = named[["protocol", "model", "seed", *history.columns]]
        write_text(HISTORY / protocol / name / f"{seed}.csv", ordered.to_csv(index=False, float_format="%.6g"))
    best = card["validation"]
    print(f"{name}: best epoch {card['best_epoch']}, validation loss {best['loss']:.3f}, macro-F1 {best['f1']:.3f}")


if __name__ == "__main__":
    sys.exit(run(main))
