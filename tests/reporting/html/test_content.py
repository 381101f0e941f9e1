"""Text of the page, and its figures as files."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fmagc.errors import DataError
from fmagc.reporting.figures import style
from fmagc.reporting.figures.calibration import reliability_diagrams
from fmagc.reporting.figures.genres import genre_scores
from fmagc.reporting.figures.graph import Box, graph_diagram
from fmagc.reporting.html.elements import picture
from fmagc.reporting.html.markdown_html import html_of, sections_of
from fmagc.reporting.markdown import escaped, folded
from fmagc.reporting.presentation.registry import PRESENTATIONS

SINGLE, MULTI = PRESENTATIONS["single"], PRESENTATIONS["multi"]


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
