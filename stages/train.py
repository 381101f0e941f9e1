"""Train one model with one seed on one protocol."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from fmagc.console import run
from fmagc.corpus.index import genres_of, read_split
from fmagc.files import write_text
from fmagc.models.registry import MODELS, build, count_parameters
from fmagc.params.learning import Architecture, Train
from fmagc.params.run import Run
from fmagc.params.signal import Clip, Mel
from fmagc.store.normalisation import read_normalisation
from fmagc.store.windows import clip_table
from fmagc.training.clips import ClipSource, ahead, fixed_batches, random_batches
from fmagc.training.fit import fit
from fmagc.training.hardware import prepare
from fmagc.training.weights import MODELS_FOLDER, save_trained

HISTORY = Path("plots/history")


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("model", choices=sorted(MODELS))
    parser.add_argument("seed", type=int)
    arguments = parser.parse_args()
    protocol, name, seed = arguments.protocol, arguments.model, arguments.seed
    settings, own = Train.load("train"), Architecture.load(f"models.{name}")
    clip, mel = Clip.load("clip"), Mel.load("mel")
    hardware = prepare(settings.precision, threads=Run.load("run").threads, seed=seed)
    split = read_split(protocol)
    genres = genres_of(split)
    measured = read_normalisation(protocol)
    normalisation = {view: measured[view] for view in MODELS[name].inputs}
    source = ClipSource(normalisation, clip_samples=clip.samples, mel=mel)
    training = source.tracks(split[split["set"] == "train"], genres=genres)
    validation = source.tracks(split[split["set"] == "val"], genres=genres)
    judged = clip_table(validation, clip_frames=source.clip_frames, n_clips=1)
    architecture = {
        "name": name,
        "n_classes": len(genres),
        "dropout": own.dropout,
        "clip_samples": clip.samples,
        "hop_length": mel.hop_length,
        "n_mels": mel.n_mels,
    }
    model = build(**architecture)
    clips = (len(training) + len(judged)) * settings.epochs
    print(f"{name}, {protocol}, seed {seed}: {count_parameters(model)} parameters on {hardware}")
    with tqdm(total=clips, unit="clip", desc=name) as progress:
        fitted = fit(
            model,
            training=lambda epoch: ahead(random_batches(source, training, settings=settings, seed=seed, epoch=epoch)),
            validation=lambda: fixed_batches(source, judged, batch_size=settings.batch_size),
            settings=settings,
            weight_decay=own.weight_decay,
            hardware=hardware,
            progress=progress,
        )
    best = next(row for row in fitted.history if row["epoch"] == fitted.best_epoch and row["split"] == "val")
    card = {
        "architecture": architecture,
        "parameters": count_parameters(model),
        "protocol": protocol,
        "seed": seed,
        "genres": genres,
        "best_epoch": fitted.best_epoch,
        "validation": best,
        "precision": hardware.precision,
        "train": settings.model_dump() | own.model_dump(),
        "mel": mel.model_dump(),
        "normalisation": {view: asdict(values) for view, values in normalisation.items()},
    }
    save_trained(MODELS_FOLDER / protocol / name / str(seed), fitted.state, card)
    history = pd.DataFrame(fitted.history)
    for place, (column, value) in enumerate({"protocol": protocol, "model": name, "seed": seed}.items()):
        history.insert(place, column, value)
    write_text(HISTORY / protocol / name / f"{seed}.csv", history.to_csv(index=False, float_format="%.6g"))
    print(f"{name}: best epoch {fitted.best_epoch}, validation loss {best['loss']:.3f}, macro-F1 {best['f1']:.3f}")


if __name__ == "__main__":
    sys.exit(run(main))
