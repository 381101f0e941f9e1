"""Draw the figures that the page has for itself: the pipeline, the networks, and one track over time."""

from typing import Any

from ruamel.yaml import YAML

from fmagc.corpus.index import read_names, read_split
from fmagc.params.schema import Params
from fmagc.paths import PIPELINE, REPORT_FIGURES
from fmagc.reporting.figures.graph import Box, graph_diagram
from fmagc.reporting.figures.style import model_colours, save_figure
from fmagc.reporting.figures.timeline import timeline
from fmagc.reporting.html.pipeline_diagram import stage_boxes, stage_edges, stages_of_run
from fmagc.reporting.run_results import read_architecture, read_entries, read_timeline
from fmagc.tasks.task import genre_text, task_of

__all__ = ["draw_networks", "draw_pipeline", "draw_timeline"]


def draw_pipeline(params: Params) -> None:
    """Draw the stages of dvc.yaml with the settings of params.yaml."""
    written = YAML(typ="safe", pure=True).load(PIPELINE.read_text(encoding="utf-8"))["stages"]
    settings = params.model_dump()
    stages = stages_of_run(written, settings)
    save_figure(graph_diagram(stage_boxes(stages, settings), stage_edges(stages)), REPORT_FIGURES / "pipeline.png")


def draw_networks(params: Params) -> None:
    """Draw the parts of each network, as the stage evaluate traced them."""
    for entry in read_entries(params.run):
        if entry.cards and entry.protocol == params.compare.protocol:
            colour, traced = model_colours([entry.model])[entry.model], read_architecture(entry)
            boxes = {
                name: Box(part["title"], tuple(part["paragraphs"]), colour) for name, part in traced["parts"].items()
            }
            edges = [(source, target) for source, target in traced["edges"]]
            save_figure(graph_diagram(boxes, edges), REPORT_FIGURES / f"{entry.model}.png")


def draw_timeline(params: Params) -> dict[str, Any]:
    """Draw the predictions of the network in focus, or else of the first, along a test track.

    Returns
    -------
    dict
        ``model``, ``protocol``, ``artist``, ``title`` and ``genre`` of what is drawn.
    """
    focus, models, protocol = params.compare.focus, params.run.models, params.compare.protocol
    model = focus if focus in models else models[0]
    table = read_timeline(protocol, model=model)
    track_id = int(table["track_id"].iloc[0])
    names, split = read_names().set_index("track_id"), read_split(protocol).set_index("track_id")
    artist, title = (str(names.loc[track_id, column]) for column in ("artist", "title"))
    genre = str(genre_text(split)[track_id])
    columns = [name for name in table if str(name).startswith("p_")]
    figure = timeline(
        table[columns].to_numpy(),
        table["start_s"].to_numpy(),
        task=task_of(split).name,
        genres=[str(name).removeprefix("p_") for name in columns],
        clip_s=float(table["clip_s"].iloc[0]),
        file_s=float(table["track_s"].iloc[0]),
        title=f"track {track_id}, labelled {genre}",
    )
    save_figure(figure, REPORT_FIGURES / "timeline.png")
    return {"model": model, "protocol": protocol, "artist": artist, "title": title, "genre": genre}
