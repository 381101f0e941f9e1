"""Diagrams of the page: boxes and arrows, the stages of dvc.yaml, the parts of a network."""

import html

import pytest
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from fmagc.errors import DataError
from fmagc.inference.trace_model import trace_model
from fmagc.models.build import build, count_parameters
from fmagc.models.registry import MODELS
from fmagc.params.schema import check
from fmagc.reporting.figures.graph import Box, graph_diagram
from fmagc.reporting.html.pipeline_diagram import stage_boxes, stage_edges, stages_of_run
from tests.support.dag import ROOT, stages

SCHEMA = ROOT / "plots/vector/report/pipeline.svg"
ARCHITECTURE = {"n_classes": 8, "dropout": 0.3, "clip_samples": 2**19, "hop_length": 1024, "n_mels": 128}


def test_boxes_keep_apart_and_arrows_lead_down() -> None:
    boxes = {name: Box(name, ("word " * 12 * place,)) for place, name in enumerate("abcdef")}
    figure = graph_diagram(boxes, [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("a", "d"), ("a", "e")])
    patches = figure.axes[0].patches
    places = [patch.get_bbox() for patch in patches if isinstance(patch, FancyBboxPatch)]
    assert len(places) == len(boxes)
    for number, one in enumerate(places):
        for other in places[number + 1 :]:
            assert one.x1 < other.x0 or other.x1 < one.x0 or one.y1 < other.y0 or other.y1 < one.y0
    arrows = [patch.get_path().vertices for patch in patches if isinstance(patch, FancyArrowPatch)]
    assert len(arrows) == 5, "a to d is implied"
    assert all(path[0][1] < path[-1][1] for path in arrows), "the axis of y points down"


def test_a_diagram_is_the_same_wherever_its_parts_lie_in_memory() -> None:
    boxes, edges = stage_boxes(stages(), check(ROOT / "params.yaml").model_dump()), set(stage_edges(stages()))
    kept, drawn = [], []
    for count in range(12):
        kept.append([object() for _ in range(97 * count)])  # shifts what is allocated next
        patches = graph_diagram(boxes, edges).axes[0].patches
        drawn.append([patch.get_path().vertices.tolist() for patch in patches])
    assert drawn == [drawn[0]] * len(drawn)


def test_a_diagram_in_a_circle_is_refused() -> None:
    with pytest.raises(DataError, match="a circle"):
        graph_diagram({"a": Box("a"), "b": Box("b")}, [("a", "b"), ("b", "a")])
    with pytest.raises(DataError, match="an edge to c"):
        graph_diagram({"a": Box("a")}, [("a", "c")])


def test_the_schema_is_dvc_yaml_with_params_yaml() -> None:
    params = check(ROOT / "params.yaml")
    boxes, edges = stage_boxes(stages(), params.model_dump()), set(stage_edges(stages()))
    assert list(boxes) == list(stages())
    assert f"n_mels {params.mel.n_mels}" in " ".join(boxes["mel"].paragraphs)
    assert f"{len(params.run.models)} models" in " ".join(boxes["train"].paragraphs)
    train = " ".join(boxes["train"].paragraphs)
    assert [name for name in params.models if f"models.{name}:" in train] == params.run.models != list(params.models)
    assert {("fetch", "index"), ("mel", "train"), ("train", "evaluate"), ("evaluate", "compare")} <= edges
    assert not {pair for pair in edges if "settings" in pair or pair[0] == "report"}
    order = list(stages())
    assert {one for one, other in edges if order.index(one) >= order.index(other)} == set()


def test_the_schema_leaves_out_what_is_repeated_for_nothing() -> None:
    params = check(ROOT / "params.yaml").model_dump()
    assert set(stages()) - set(stages_of_run(stages(), params)) == {
        "embed",
        "probe",
        "share",
        "share_baseline",
        "share_probe",
    }
    params["run"]["encoders"], params["encoders"] = ["mine"], {"mine": {"C": [1.0], "seconds": 5.0, "sha256": None}}
    params["run"]["train_shares"] = [0.25, 0.5]
    of_run = stages_of_run(stages(), params)
    assert set(of_run) == set(stages())
    encoder = {"batch_size": 8, "input": "mel", "sample_rate": None} | params["encoders"]["mine"]
    params["encoders"]["mine"] = encoder
    boxes = stage_boxes(of_run, params)
    assert "once for 1 protocol x 1 encoder" in " ".join(boxes["probe"].paragraphs)
    assert "x 2 shares x " in " ".join(boxes["share"].paragraphs)
    assert "encoders.mine.seconds: 5" in " ".join(boxes["embed"].paragraphs)
    assert {("decode", "embed"), ("embed", "probe"), ("probe", "compare")} <= set(stage_edges(of_run))


@pytest.mark.skipif(not SCHEMA.exists(), reason="no results in this copy")
def test_the_committed_schema_is_that_of_dvc_yaml() -> None:
    # DVC takes dvc.yaml for no dependency, so that nothing else would notice
    shown = html.unescape(SCHEMA.read_text(encoding="utf-8"))
    params = check(ROOT / "params.yaml").model_dump()
    boxes = stage_boxes(stages_of_run(stages(), params), params)
    missing = [line for box in boxes.values() for line in [box.title, *box.lines] if f">{line}<" not in shown]
    assert missing == [], "dvc repro -f report"


@pytest.mark.parametrize("name", MODELS)
def test_a_network_is_its_parts(name: str) -> None:
    diagram = trace_model({"name": name, **ARCHITECTURE})
    boxes, edges, inputs = diagram.parts, diagram.edges, MODELS[name].inputs
    network = build(name, **ARCHITECTURE)
    texts = {key: " ".join(box.paragraphs) for key, box in boxes.items()}
    counts = [int(text.split("; ")[-1].split()[0].replace(",", "")) for text in texts.values() if "parameters" in text]
    assert sum(counts) == count_parameters(network)
    assert {key for key, text in texts.items() if text.startswith("input")} == set(inputs)
    *_, last = boxes
    assert "output: 8;" in texts[last]
    assert {target for _, target in edges} == set(boxes) - set(inputs), "every part reads something"
    assert len([edge for edge in edges if edge[1] == last]) == len(inputs), "the views meet at the end, if two"


def test_shapes_and_layers_are_those_of_the_encoder() -> None:
    boxes = trace_model({"name": "cnn1d", **ARCHITECTURE}).parts
    first = " ".join(boxes["encoder.stages.0"].paragraphs).replace("\N{NO-BREAK SPACE}", " ")
    assert "Conv1d 1 to 16, kernel 256, stride 64, BatchNorm, ReLU, MaxPool 4" in first
    assert "output: 16 x 2,048; 4,144 parameters" in first
