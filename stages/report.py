"""Write the study, regenerated: one page with figures, tables and what they allow to conclude."""

import sys
from typing import Any

from ruamel.yaml import YAML

from fmagc.corpus.index import read_names, read_split
from fmagc.evaluation.predictions import genres_of, read_predictions
from fmagc.inference.timeline import least_settled, over_time
from fmagc.params.schema import Params, check
from fmagc.paths import PIPELINE, PREDICTIONS, REPORT, REPORT_FIGURES
from fmagc.reporting.figures.graph import graph_diagram
from fmagc.reporting.figures.style import model_colours, publish
from fmagc.reporting.figures.timeline import timeline
from fmagc.reporting.html.content import gather
from fmagc.reporting.html.model_diagram import anatomy
from fmagc.reporting.html.page import render
from fmagc.reporting.html.pipeline_diagram import stage_boxes, stage_edges
from fmagc.reporting.run_results import entries_of
from fmagc.runtime.entrypoint import run_stage
from fmagc.runtime.files import write_text


def main() -> None:
    """Report."""
    params = check()
    stages: dict[str, Any] = YAML(typ="safe", pure=True).load(PIPELINE.read_text(encoding="utf-8"))["stages"]
    publish(
        graph_diagram(stage_boxes(stages, params.model_dump()), stage_edges(stages)), REPORT_FIGURES / "pipeline.png"
    )
    for entry in entries_of(params.run):
        if entry.cards and entry.protocol == params.compare.protocol:
            colour = model_colours([entry.model])[entry.model]
            boxes, edges = anatomy(entry.cards[0]["architecture"], colour=colour)
            publish(graph_diagram(boxes, edges), REPORT_FIGURES / f"{entry.model}.png")
    page = render(gather(params, track=_draw_timeline(params)))
    write_text(REPORT, page)
    print(f"{REPORT}: {len(page) / 1e6:.1f} MB, one file; its figures in {REPORT_FIGURES} and plots/vector")


def _draw_timeline(params: Params) -> dict[str, Any]:
    """Draw what the network in focus, or else the first, says along a test track; tell which that is."""
    focus, models, protocol = params.compare.focus, params.run.models, params.compare.protocol
    model = focus if focus in models else models[0]
    predictions = read_predictions(PREDICTIONS / protocol / f"{model}.csv")
    track_id = least_settled(predictions)
    names, split = read_names().set_index("track_id"), read_split(protocol).set_index("track_id")
    artist, title = (str(names.loc[track_id, column]) for column in ("artist", "title"))
    genre = str(split.loc[track_id, "genre"])
    heard = over_time(track_id, protocol=protocol, model=model, whole_run=params.run)
    figure = timeline(
        heard.p,
        heard.starts,
        genres=genres_of(predictions),
        patch_s=heard.clip_s,
        file_s=heard.track_s,
        title=f"track {track_id}, labelled {genre}",
    )
    publish(figure, REPORT_FIGURES / "timeline.png")
    return {"model": model, "protocol": protocol, "artist": artist, "title": title, "genre": genre}


if __name__ == "__main__":
    sys.exit(run_stage(main))
