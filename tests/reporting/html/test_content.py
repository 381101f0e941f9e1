"""Diagrams, sentences and tables of the report, each against known results."""

import html
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from PIL import Image

from fmagc.errors import DataError
from fmagc.evaluation.predictions import Predictions
from fmagc.inference.timeline import least_settled
from fmagc.inference.trace_model import trace_model
from fmagc.models.build import build, count_parameters
from fmagc.models.registry import MODELS
from fmagc.params.schema import check
from fmagc.reporting.entries import Entry, TestSet
from fmagc.reporting.figures import style
from fmagc.reporting.figures.calibration import reliability_diagrams
from fmagc.reporting.figures.genres import genre_scores
from fmagc.reporting.figures.graph import Box, graph_diagram
from fmagc.reporting.html import findings, run_facts
from fmagc.reporting.html.elements import picture
from fmagc.reporting.html.markdown_html import html_of, sections_of
from fmagc.reporting.html.pipeline_diagram import stage_boxes, stage_edges, stages_of_run
from fmagc.reporting.html.text import capitalised, counted, listed, setting, with_article
from fmagc.reporting.markdown import escaped, folded
from fmagc.reporting.presentation.registry import PRESENTATIONS
from tests.support.dag import ROOT, stages
from tests.support.many_genres import small_tree
from tests.support.predictions import predictions_of

SCHEMA = ROOT / "plots/vector/report/pipeline.svg"
SINGLE, MULTI = PRESENTATIONS["single"], PRESENTATIONS["multi"]
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


def test_markdown_keeps_its_words_and_loses_its_html() -> None:
    page = html_of("## A\n\n<script>x</script> & **b**\n\n| g | n |\n| --- | ---: |\n| x | 1 |\n", level=3)
    assert "<h4>A</h4>" in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert page.index('class="scroll"') < page.index("<table>")
    assert sections_of("# t\n\nfirst\n\n## `x` against `y`\n\nsecond\n") == {
        "": "# t\n\nfirst\n\n",
        "`x` against `y`": "\nsecond\n",
    }


def test_folded_text_unfolds_and_nothing_else_does() -> None:
    names = escaped("<details><summary>x</summary>")
    page = html_of(f"{folded('Two & more', f'*a*, {names}')}\n\n{names}\n\n{escaped('</details>')}\n", level=3)
    assert page.count("<details>") == page.count("</details>") == 1
    assert page.startswith("<details><summary>Two &amp; more</summary>\n<p><em>a</em>, &lt;details&gt;")
    assert page.index("</details>") < page.index("<p>&lt;details&gt;&lt;summary&gt;x&lt;/summary&gt;</p>")
    assert page.rstrip().endswith("<p>&lt;/details&gt;</p>")


def test_words() -> None:
    assert [capitalised("macro F1"), with_article("accuracy"), with_article("macro ROC-AUC")] == [
        "Macro F1",
        "an accuracy",
        "a macro ROC-AUC",
    ]
    assert [counted(1, "seed"), counted(2000, "track")] == ["1 seed", "2,000 tracks"]
    assert [listed(["a"]), listed(["a", "b"]), listed("abc")] == ["a", "a and b", "a, b and c"]
    block = {"lr": 0.001, "C": [1.0, 10.0], "augment": [{"name": "noise", "p": 1}], "root": None, "none": []}
    assert setting(block) == "lr 0.001, C 1/10, augment noise, root none"


def table_of(p: list[list[float]], labels: list[int], *, model: str = "crnn", clips: int = 1) -> Predictions:
    n = len(p)
    return predictions_of(
        p,
        protocol="official",
        model=model,
        seed=0,
        track_ids=np.repeat(np.arange(n // clips), clips),
        artist_ids=np.repeat(np.arange(n // clips), clips),
        sets=["test"] * n,
        clips=np.tile(np.arange(clips), n // clips),
        labels=labels,
        genres=["Folk", "Rock"],
    )


def test_the_hardest_track_is_the_one_that_no_network_gives_to_its_label() -> None:
    names = pd.DataFrame({"track_id": [0, 1, 2], "artist": ["A", "B", "C"], "title": ["x", "y", "z"]})
    crnn = table_of([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 0, 0])
    cnn1d = table_of([[0.8, 0.2], [0.4, 0.6], [0.3, 0.7]], [0, 0, 0], model="cnn1d")
    hardest, words = findings.hardest({"crnn": crnn, "cnn1d": cnn1d}, names=names, words=SINGLE.page)
    assert hardest.rows[0] == ("1", "B", "y", "Folk", "Rock (2)", "0 of 2", "0.300")
    assert [row[0] for row in hardest.rows] == ["1", "2", "0"]
    assert words == "Of 3 test tracks, all networks predict 1 correctly, and none predicts 1 correctly."


def test_the_least_settled_track_is_that_of_most_different_clips() -> None:
    steady, torn = [[0.9, 0.1], [0.9, 0.1]], [[0.9, 0.1], [0.1, 0.9]]
    assert least_settled(table_of([*steady, *torn, *steady], [0] * 6, clips=2)) == 1


def test_numbers_of_clips_are_compared_on_validation() -> None:
    plain = (("val", 1, 0.5), ("val", 3, 0.6), ("test", 1, 0.9), ("test", 3, 0.2))
    scores = dict.fromkeys(("probabilities", "vote"), plain) | {"logits": (*plain[:1], ("val", 3, 0.7), *plain[2:])}
    rows = [
        {"model": model, "set": name, "average": rule, "clips": clips, "seconds": clips * 12.0, "macro_f1": f1}
        for model in ("cnn1d", "crnn")
        for rule in scores
        for name, clips, f1 in (
            ("val", 1, 0.5),
            ("val", 3, 0.6 + (rule == "logits") / 10),
            ("test", 1, 0.9),
            ("test", 3, 0.2),
        )
    ]
    best, used = findings.clip_text(pd.DataFrame(rows), measure=SINGLE.headline, used=3, patched=[])
    assert "see 12.0 s at once is highest with 3 clips (36.0 s) and the mean of logits, 0.700." in best
    assert "+0.100 on average (cnn1d +0.100 and crnn +0.100)" in used
    assert findings.clip_table(pd.DataFrame(rows), measure=SINGLE.headline).rows[0][:3] == (
        "12.0",
        "1 of 12.0 s",
        "0.500",
    )


def test_networks_of_patches_are_compared_among_themselves() -> None:
    rows = [
        {"model": model, "set": name, "average": rule, "clips": n, "seconds": n * clip_s, "macro_f1": f1}
        for model, clip_s, scores in (("crnn", 12.0, {1: 0.5, 3: 0.6}), ("resnet", 3.0, {1: 0.2, 2: 0.3, 5: 0.7}))
        for name in ("val", "test")
        for rule in ("probabilities", "logits", "vote")
        for n, f1 in scores.items()
    ]
    counts = pd.DataFrame(rows)
    best, used, covered = findings.clip_text(counts, measure=SINGLE.headline, used=3, patched=["resnet"])
    assert "networks that see 12.0 s at once is highest with 3 clips (36.0 s) and the mean of prob" in best
    assert "; of those that see 3.0 s at once is highest with 5 clips (15.0 s) and the mean of prob" in best
    assert used.endswith("by +0.100 on average (crnn +0.100).")
    assert covered.endswith("for resnet.")
    assert [row[:3] for row in findings.clip_table(counts, measure=SINGLE.headline).rows] == [
        ("12.0", "1 of 12.0 s", "0.500"),
        ("36.0", "3 of 12.0 s", "0.600"),
        ("3.0", "1 of 3.0 s", "0.200"),
        ("6.0", "2 of 3.0 s", "0.300"),
        ("15.0", "5 of 3.0 s", "0.700"),
    ]
    words = findings.overlap_text(counts, track_s=13.0)
    assert words.endswith("overlap: those of 12.0 s by 96% with 3 and of 3.0 s by 17% with 5.")


def test_robustness_in_sentences() -> None:
    changes = pd.DataFrame(
        {
            "model": ["cnn1d"] * 2 + ["crnn"] * 2,
            "seed": 0,
            "transform": ["gain_db", "mp3_kbps"] * 2,
            "strength": [-6.0, 64.0] * 2,
            "tracks": 4,
            "flipped": [0.5, 0.25, 0.0, 0.0],
            "kl": 0.1,
        }
    )
    shifts = pd.DataFrame(
        {
            "model": "crnn",
            "seed": 0,
            "view": "mel",
            "steps": [0.5, 1.0],
            "equivariance": [0.2, 0.0],
            "invariance": [0.3, 0.4],
        }
    )
    sentences = list(findings.robustness_text(changes, shifts))
    assert sentences[0].startswith("cnn1d: gain, -6 dB changes most predictions, 50% of 4 tracks; on average")
    assert sentences[1] == "crnn: no transformation changes a prediction."
    assert "(relative error 0)" in sentences[2]
    assert "by 0.4; after a shift by half steps, the two errors are 0.2 and 0.3" in sentences[2]


def test_the_headline_names_the_best_and_the_leak() -> None:
    track = {f"{name}{end}": 0.5 for name in ("macro_f1", "accuracy") for end in ("", "_low", "_high")}
    entries = [Entry("random", "crnn", {**track, "macro_f1": 0.7}, {}, [{}]), Entry("random", "majority", track, {})]
    counts = {"n_tracks": 10, "n_artists": 1, "support": (4, 3, 2, 1), "n_training": 8, "n_listed": 8}
    test = TestSet(task="single", **counts, known=0.8, files_shared=0)
    first, second = findings.headline(entries, test, presentation=SINGLE)
    assert "1 network and 1 baseline predict one of 4 genres for 10 tracks by 1 artist; 80% of these" in first
    assert "crnn has the highest macro F1, 0.700" in second
    assert second.endswith("guessing has 0.250.")


def test_the_headline_of_several_genres_a_track_has_its_own_measures() -> None:
    names = ("macro_average_precision", "macro_roc_auc")
    track = {f"{name}{end}": 0.5 for name in names for end in ("", "_low", "_high")}
    entries = [Entry("official", "crnn", {**track, "macro_average_precision": 0.3}, {}, [{}])]
    counts = {"n_tracks": 10, "n_artists": 2, "support": (4, 0, 2), "n_training": 8, "n_listed": 8}
    test = TestSet(task="multi", **counts, known=0.0, files_shared=0)
    first, second = findings.headline(entries, test, presentation=MULTI)
    assert "predict which of 3 genres are those of 10 tracks by 2 artists; 0% of these" in first
    assert second == (
        "crnn has the highest macro average precision, 0.300 (95 % interval 0.500 to 0.500), with a macro ROC-AUC of "
        "0.500 (0.500 to 0.500); guessing has 0.300 and 0.500."
    )


def test_the_page_of_several_genres_a_track_tells_their_tree_and_the_extremes_that_few_tracks_do_not_decide() -> None:
    tree = small_tree()
    said = MULTI.page.genres(tree)
    assert said == (
        "A track may have several of 21 genres, of which 3 have none above them: Genre 0, Genre 1 and Genre 2."
    )
    assert MULTI.page.genres(tree.assign(parent="")) == "A track may have several of 21 genres."
    rows = [
        {"genre": f"G{n}", "support": support, "average_precision": n / 10}
        for n, support in enumerate([9, 10, 10, 10, 10, 10, 10, 10, 9])
    ]
    absent = {"genre": "None", "support": 0, "average_precision": None}
    assert MULTI.page.genre_text({"crnn": [*rows, absent], "cnn1d": [*rows, absent]}) == (
        "Of the genres with 10 test tracks or more, the mean average precision of the networks is highest for G7 "
        "(0.70), G6 (0.60) and G5 (0.50), and lowest for G1 (0.10), G2 (0.20) and G3 (0.30)."
    )
    assert MULTI.page.genre_text({"crnn": [rows[0], rows[8]]}) == (
        "The mean average precision of the networks is highest for G8 (0.80), and lowest for G0 (0.00)."
    )


def test_genres_that_are_left_out_or_absent_are_named() -> None:
    whole = {"genres_left_out": {}, "tracks_left_out": 0, "genres_absent": {"train": [], "val": [], "test": []}}
    lacking = {"genres_left_out": {"Polka": 1, "Tango": 2000}, "tracks_left_out": 1500}
    lacking |= {"genres_absent": {"train": [], "val": ["Salsa"], "test": ["Fado", "Salsa"]}}
    audit = {"official": whole, "artist": lacking}
    assert list(run_facts.missing_genres(audit, ["official"], min_tracks=1)) == []
    assert list(run_facts.missing_genres(audit, ["official", "artist"], min_tracks=10)) == [
        "Protocol artist leaves out the genres with fewer than 10 training tracks: Polka (1 track) and Tango (2,000 "
        "tracks). Tracks that carry no other genre, and are in no set: 1,500.",
        "Protocol artist has no validation track of 1 genre: Salsa.",
        "Protocol artist has no test track of 2 genres: Fado and Salsa.",
    ]


def test_calibration_names_the_too_sure() -> None:
    bounds = {"a": [1.5, 2.0], "b": [0.5, 0.9], "c": [1.1, 1.2], "d": [0.9, 1.2]}
    found = {model: {"temperature": [np.mean(own)], "temperature_interval": own} for model, own in bounds.items()}
    none = {"temperature": [99.9], "temperature_interval": [5.0, 100.0]}
    words = findings.calibration_text({**found, "e": none})
    assert words.endswith("a and c are overconfident; b is underconfident; for d and e the data do not decide.")


def test_the_overlap_of_clips_is_told() -> None:
    counts = pd.DataFrame({"clips": [1, 2, 3], "seconds": [11.9, 23.8, 35.7]})
    words = findings.overlap_text(counts, track_s=15.0)
    assert "last 15.0 s or less" in words
    assert words.endswith("overlap: those of 11.9 s by 74% with 2 and 87% with 3.")
    assert findings.overlap_text(counts[:2], track_s=30.0).endswith("overlap: those of 11.9 s not at all.")


def test_networks_that_ran_out_of_epochs_are_named() -> None:
    ended, going, annealed = (
        {"best_epoch": best, "train": {"epochs": 16, "schedule": schedule}}
        for best, schedule in ((9, "constant"), (16, "constant"), (16, "cosine"))
    )
    trainings = (("a", [ended, going]), ("b", [ended]), ("c", [annealed]))
    entries = [Entry("official", name, {}, {}, cards) for name, cards in trainings]
    assert ": a. More epochs might improve it" in findings.unfinished(entries)
    assert findings.unfinished(entries[1:]) == ""


def test_genre_figure_orders_genres_by_how_well_they_are_found() -> None:
    tables = {"crnn": [{"genre": "Folk", "support": 3, "f1": 0.2}, {"genre": "Rock", "support": 4, "f1": 0.9}]}
    ax = genre_scores(tables).axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Rock (4)", "Folk (3)"]
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [0.9, 0.2])


def test_reliability_shows_both_temperatures() -> None:
    bins = [{"rows": 3, "confidence": 0.9, "accuracy": 0.5}, {"rows": 1, "confidence": 0.4, "accuracy": 1.0}]
    figure = reliability_diagrams({"crnn": {"bins": bins, "bins_scaled": bins[:1]}}, **SINGLE.calibration)
    raw, scaled = figure.axes[0].collections
    np.testing.assert_allclose(raw.get_offsets(), [[0.9, 0.5], [0.4, 1.0]])
    np.testing.assert_allclose(scaled.get_offsets(), [[0.9, 0.5]])


def test_figures_are_published_twice_with_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kept = []
    for _ in range(2):
        style.save_figure(
            graph_diagram({"a": Box("a", ("text",)), "b": Box("b")}, [("a", "b")]), Path("plots/x/graph.png")
        )
        kept.append([Path(f"plots/{name}").read_bytes() for name in ("x/graph.png", "vector/x/graph.svg")])
    assert kept[0] == kept[1]
    assert b"text" in kept[0][1], "text stays text"
    assert b"dc:date" not in kept[0][1]
    shown = picture("x/graph", alt="a", caption="c")
    assert shown.source.startswith("data:image/svg+xml;base64,")
    assert 0 < shown.width < 1000


def test_a_missing_figure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"plots/vector/results/x.svg: expected a figure"):
        picture("results/x", alt="", caption="")


def test_saved_images_have_few_colours(tmp_path: Path) -> None:
    style.save_png(graph_diagram({"a": Box("a")}, []), tmp_path / "a.png")
    with Image.open(io.BytesIO((tmp_path / "a.png").read_bytes())) as image:
        assert image.mode == "P"
