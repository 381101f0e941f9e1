"""Evaluate one model, with the weights of all its seeds, on the validation and test tracks."""

import argparse
import sys
from dataclasses import asdict

from fmagc.corpus.index import read_genre_table, read_names, read_split
from fmagc.evaluation.results import write_network_results
from fmagc.inference.predict_model import predict_model
from fmagc.inference.trace_model import trace_model
from fmagc.params.evaluation import Evaluate
from fmagc.params.run import Run
from fmagc.params.signal import Audio, Clip
from fmagc.runtime.entrypoint import run_stage


def main() -> None:
    """Run the stage evaluate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("model")
    protocol, name = vars(parser.parse_args()).values()
    split, settings = read_split(protocol), Evaluate.load("evaluate")
    predicted = predict_model(
        name,
        split[split["set"] != "train"],
        protocol=protocol,
        settings=settings,
        clip_samples=Clip.load("clip").samples,
        sample_rate=Audio.load("audio").sample_rate,
        whole_run=Run.load("run"),
    )
    if not predicted.is_rank_zero:
        return
    scores = write_network_results(
        predicted.results,
        clip_counts=predicted.clip_counts,
        timeline=predicted.timeline,
        diagram=asdict(trace_model(predicted.architecture)),
        settings=settings,
        names=read_names(),
        genres=read_genre_table(),
    )
    print(f"{name}: {scores}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
