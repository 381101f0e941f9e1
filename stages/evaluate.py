"""Evaluate one model, with the weights of all its seeds, on the validation and test tracks."""

import argparse
import sys
from dataclasses import asdict

from fmagc.corpus.index import read_names, read_split
from fmagc.evaluation.clips_per_track import COUNTS, count_table
from fmagc.evaluation.results import write_results
from fmagc.inference.predict_model import predict_model
from fmagc.inference.trace_model import trace_model
from fmagc.params.evaluation import Evaluate
from fmagc.params.run import Run
from fmagc.params.signal import Audio
from fmagc.paths import ARCHITECTURES, CLIP_COUNTS, TIMELINES
from fmagc.runtime.entrypoint import run_stage
from fmagc.runtime.files import write_json, write_text


def main() -> None:
    """Evaluate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("model")
    arguments = parser.parse_args()
    protocol, name, settings = arguments.protocol, arguments.model, Evaluate.load("evaluate")
    split = read_split(protocol)
    predicted = predict_model(
        name,
        split[split["set"] != "train"],
        protocol=protocol,
        counts=sorted({*COUNTS, settings.clips}),
        shown=settings.clips,
        crop=settings.crop,
        sample_rate=Audio.load("audio").sample_rate,
        whole_run=Run.load("run"),
    )
    if not predicted.is_rank_zero:
        return
    metrics = write_results(predicted.by_count[settings.clips], settings=settings, names=read_names())
    write_text(CLIP_COUNTS / protocol / f"{name}.csv", count_table(predicted.by_count).to_csv(index=False))
    write_text(TIMELINES / protocol / f"{name}.csv", predicted.timeline.to_csv(index=False))
    parts, edges = trace_model(predicted.architecture)
    diagram = {"parts": {key: asdict(part) for key, part in parts.items()}, "edges": edges}
    write_json(ARCHITECTURES / protocol / f"{name}.json", diagram)
    print(f"{name}: accuracy {metrics['accuracy']}, macro_f1 {metrics['macro_f1']}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
