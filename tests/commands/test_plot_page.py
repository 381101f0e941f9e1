"""The page of `dvc plots show`: every chart of the project, on a page that asks no other machine for anything."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fmagc.commands.plot_page import build_page
from fmagc.errors import DataError
from fmagc.models.registry import MODELS
from fmagc.reporting.figures.style import model_colours
from tests.support.browser import BROWSER, OPTIONS, asked_by_pages
from tests.support.dag import ROOT

TEMPLATES = ROOT / ".dvc" / "plots"
PAGE = TEMPLATES / "offline.html"
METRICS = ["loss", "average_precision", "f1", "accuracy", "precision", "recall"]
COLOURS = model_colours(MODELS)

needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")


def project_pipeline() -> dict[str, Any]:
    pipeline: dict[str, Any] = YAML(typ="safe").load(ROOT / "dvc.yaml")
    return pipeline


def stage_charts() -> dict[str, dict[str, Any]]:
    """The CSV plots that stages declare, with the matrix written out for one seed and two models."""
    charts = {}
    for stage in project_pipeline()["stages"].values():
        for entry in stage.get("plots", []):
            if isinstance(entry, str):
                continue
            for model in ("crnn", "cnn1d"):
                values = {"protocol": "official", "model": model, "seed": "0", "baseline": "svm_mfcc", "encoder": "own"}
                text = re.sub(r"\$\{item\.(\w+)\}", lambda found: values[found[1]], json.dumps(entry))  # noqa: B023
                (path, looks), = json.loads(text).items()  # fmt: skip
                if path.endswith(".csv"):
                    charts[path] = {key: value for key, value in looks.items() if key not in ("cache", "persist")}
    return charts


def write_history(path: Path, *, models: list[str], best: float) -> None:
    lines = ["protocol,model,seed,epoch,split,loss,accuracy,precision,recall,f1,average_precision"]
    for model in models:
        for seed in (0, 1):
            for epoch in (1, 2, 3):
                for split in ("train", "val"):
                    score = f"{best * epoch / 3 + 0.01 * seed:.3f}"
                    lines.append(f"official,{model},{seed},{epoch},{split},{2 / epoch:.3f}" + f",{score}" * 5)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def write_confusion(path: Path) -> None:
    """Of four Folk tracks three are right; Rock is never predicted rightly and Hip-Hop is never predicted at all."""
    pairs = ["Folk,Folk,3", "Folk,Rock,1", "Hip-Hop,Folk,2", "Rock,Folk,3"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["true,predicted,tracks", *pairs]) + "\n")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A DVC repository with the project's charts and templates, and made-up numbers for two models."""
    root = tmp_path / "repository"
    root.mkdir()
    run(root, "git", "init", "-q")
    pytest.importorskip("dvc")
    run(root, sys.executable, "-m", "dvc", "init", "-q")
    shutil.copytree(TEMPLATES, root / ".dvc" / "plots")
    (root / ".dvc" / "config").write_text("[plots]\n    html_template = plots/offline.html\n")
    drawn_together = [entry for entry in project_pipeline()["plots"] if isinstance(entry, dict)]
    alone = stage_charts()
    with (root / "dvc.yaml").open("w") as file:
        YAML(typ="safe").dump({"plots": [*drawn_together, *({path: looks} for path, looks in alone.items())]}, file)
    for entry in drawn_together:
        for looks in entry.values():
            for source in looks["y"]:
                write_history(root / source, models=["crnn", "cnn1d"], best=0.6)
    for path in alone:
        if "confusion" in path:
            write_confusion(root / path)
        else:
            write_history(root / path, models=[Path(path).parent.name], best=0.6)
    return root


def run(root: Path, *command: str) -> None:
    quiet = {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(root.parent / "site"), "GIT_CONFIG_GLOBAL": os.devnull}
    who = {f"GIT_{role}_{what}": "fmagc@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(command, cwd=root, env=os.environ | quiet | who, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "failed to load" not in done.stderr, done.stderr


def dvc_plots(root: Path, *what: str) -> Path:
    run(root, sys.executable, "-m", "dvc", "plots", *what)
    return root / "dvc_plots" / "index.html"


@pytest.fixture
def browse(tmp_path: Path) -> Callable[[Path], tuple[str, list[str]]]:
    """Open a page in headless Chromium; return its document after the scripts ran, and the addresses it asked for."""

    def open_page(page: Path) -> tuple[str, list[str]]:
        log = tmp_path / "requests.json"
        options = [
            "--headless", "--disable-gpu", "--no-first-run", "--dump-dom", f"--user-data-dir={tmp_path / 'browser'}",
            "--virtual-time-budget=20000", f"--log-net-log={log}",
        ]  # fmt: skip
        command = [str(BROWSER), *OPTIONS, *options, page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout, [url for url in asked_by_pages(log) if not url.startswith(("file:", "data:", "blob:"))]

    return open_page


def drawings(document: str) -> dict[str, str]:
    """The SVG of each chart, by the id of its element."""
    found = re.findall(r'<div id="([^"]+)" class="vega-embed[^"]*".*?(<svg.*?</svg>)', document, flags=re.DOTALL)
    return dict(found)


@needs_browser
def test_every_chart_is_drawn_and_nobody_is_asked(
    repository: Path, browse: Callable[[Path], tuple[str, list[str]]]
) -> None:
    page = dvc_plots(repository, "show")
    n_charts = page.read_text().count("vegaEmbed('#")
    assert n_charts == len(METRICS) + len(stage_charts())
    document, asked = browse(page)
    assert asked == []
    assert 'class="fault"' not in document
    charts = drawings(document)
    assert len(charts) == n_charts
    for name, svg in charts.items():
        width, height = (float(number) for number in re.findall(r'(?:width|height)="([\d.]+)"', svg)[:2])
        assert min(width, height) > 100, name
        marks = re.findall(r'<path aria-label="[^"]*" role="graphics-symbol" aria-roledescription="[^"]*mark"', svg)
        assert len(marks) >= 4, name
    together = [svg for name, svg in charts.items() if name.lower().startswith("learning")]
    assert len(together) == len(METRICS)
    for svg in together:
        used = {model for model, colour in COLOURS.items() if f'stroke="{colour}"' in svg}
        assert used == {"crnn", "cnn1d"}
        assert "workspace, official split" in svg


@needs_browser
def test_confusion_rows_are_true_genres_hold_every_genre_and_fit_the_page(
    repository: Path, browse: Callable[[Path], tuple[str, list[str]]]
) -> None:
    few, many = (f"plots/confusion/official/{model}.csv" for model in ("crnn", "cnn1d"))
    genres = [f"Genre {n:03d}" for n in range(100)]
    pairs = [f"{genre},{genres[0]},2" for genre in genres]
    (repository / many).write_text("\n".join(["true,predicted,tracks", *pairs]) + "\n")
    document, _ = browse(dvc_plots(repository, "show", few, many))
    svg, of_many = (
        next(svg for name, svg in drawings(document).items() if name.endswith(f"confusion_official_{model}_csv"))
        for model in ("crnn", "cnn1d")
    )
    cells = re.findall(r"true genre: ([^;]+); predicted genre: ([^;]+); share of row: ([\d.]+)", svg)
    assert {(true, predicted): float(share) for true, predicted, share in cells} == {
        ("Folk", "Folk"): 0.75, ("Folk", "Hip-Hop"): 0, ("Folk", "Rock"): 0.25,
        ("Hip-Hop", "Folk"): 1, ("Hip-Hop", "Hip-Hop"): 0, ("Hip-Hop", "Rock"): 0,
        ("Rock", "Folk"): 1, ("Rock", "Hip-Hop"): 0, ("Rock", "Rock"): 0,
    }  # fmt: skip
    shown = re.findall(r'aria-roledescription="text mark"[^>]*>([\d.]+)<', svg)
    assert sorted(shown) == ["0.00"] * 5 + ["0.25", "0.75", "1.00", "1.00"]
    assert len(re.findall(r'd="M\d+,\d+h40v30h-40Z"', svg)) == len(cells)
    assert of_many.count("predicted genre: Genre 042") == 100
    assert 'aria-roledescription="text mark"' not in of_many  # numbers, which do not fit into such cells
    assert float(re.findall(r'width="([\d.]+)"', of_many)[0]) < 1200
    assert re.findall(r">(Genre \d+)<", of_many) == [*genres[::2], *genres[::2]]  # beside the axes


@needs_browser
def test_revisions_stand_beside_each_other_under_their_own_names(
    repository: Path, browse: Callable[[Path], tuple[str, list[str]]]
) -> None:
    run(repository, "git", "add", "-A")
    run(repository, "git", "commit", "-q", "-m", "before")
    for entry in project_pipeline()["plots"]:
        for looks in entry.values():
            for source in looks["y"]:
                write_history(repository / source, models=["mmcrnn"], best=0.9)
    document, asked = browse(dvc_plots(repository, "diff", "HEAD"))
    assert asked == []
    svg = next(svg for name, svg in drawings(document).items() if name.lower().startswith("learning"))
    now, before = svg.index("workspace, official split"), svg.index("HEAD, official split")
    assert now < before
    order = re.findall(r'stroke="(#CC79A7|#009E73)"', svg)
    assert order[0] == COLOURS["mmcrnn"], "the workspace's panel comes first and holds the workspace's model"
    assert order[-1] == COLOURS["crnn"]


@needs_browser
def test_a_page_that_asks_is_noticed(repository: Path, browse: Callable[[Path], tuple[str, list[str]]]) -> None:
    """DVC's own page loads its scripts from a public server: the test above could fail."""
    (repository / ".dvc" / "config").write_text("")
    document, asked = browse(dvc_plots(repository, "show"))
    assert any("jsdelivr" in line for line in asked)
    assert drawings(document) == {}


@needs_browser
def test_a_chart_that_cannot_be_drawn_says_so(
    repository: Path, browse: Callable[[Path], tuple[str, list[str]]]
) -> None:
    template = repository / ".dvc" / "plots" / "learning_curves.json"
    template.write_text(template.read_text().replace('"type": "line"', '"type": "no such mark"'))
    document, _ = browse(dvc_plots(repository, "show"))
    assert document.count('class="fault"') == len(METRICS)


def test_the_page_carries_its_code_and_its_licences() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"<script[^>]*\ssrc\s*=", text) == []
    assert re.findall(r"<link|@import|url\(\s*['\"]?https?:", text.partition("<script>")[0]) == []
    assert text.count("{plot_divs}") == 1
    assert "default-src 'none'" in text
    assert "width=device-width" in text
    assert "<title>" in text
    for owner in ("vega 5.", "vega-lite 5.", "vega-embed 6.", "d3-scale ", "University of Washington", "Mike Bostock"):
        assert owner in text


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.json")), ids=lambda path: path.stem)
def test_a_template_is_json_with_the_places_that_dvc_fills(path: Path) -> None:
    template = json.loads(path.read_text(encoding="utf-8"))
    assert template["$schema"].endswith("vega-lite/v5.json")
    assert template["data"] == {"values": "<DVC_METRIC_DATA>"}
    text = json.dumps(template)
    for anchor in ("TITLE", "X", "X_LABEL"):
        assert f"<DVC_METRIC_{anchor}>" in text
    assert set(re.findall(r"<(DVC_METRIC_\w+)>", text)) <= {
        f"DVC_METRIC_{name}" for name in ("DATA", "TITLE", "X", "Y", "X_LABEL", "Y_LABEL")
    }


def test_the_curves_have_the_colours_of_the_figures() -> None:
    text = (TEMPLATES / "learning_curves.json").read_text(encoding="utf-8")
    names, colours = (
        re.findall(r"'([^']+)'", re.search(found, text)[1]) for found in (r"indexof\((\[.*?\])", r"\? (\[.*?\])")
    )
    assert dict(zip(names, colours, strict=True)) == COLOURS


def test_the_project_draws_each_metric_and_names_templates_that_exist() -> None:
    drawn = [looks for entry in project_pipeline()["plots"] for looks in entry.values()]
    fields = [field for looks in drawn if looks["template"] == "learning_curves" for field in looks["y"].values()]
    assert sorted(fields) == sorted(METRICS)
    for looks in [*drawn, *stage_charts().values()]:
        assert (TEMPLATES / f"{looks['template']}.json").is_file()
        assert isinstance(looks["x"], str)
        assert isinstance(looks["y"], dict | str), "an unquoted `true` is a boolean in YAML"


def npm_package(modules: Path, name: str, *, code: str, licence: str | None = "A licence") -> Path:
    folder = modules / name
    (folder / "build").mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"name": name, "version": "1.0.0"}))
    if licence:
        (folder / "LICENSE").write_text(licence)
    script = folder / "build" / f"{name}.min.js"
    script.write_text(code)
    return script


def test_the_builder_puts_scripts_and_notices_into_the_page(tmp_path: Path) -> None:
    script = npm_package(tmp_path, "vega", code="let v = 1;\n//# sourceMappingURL=vega.js.map", licence="Free -- of it")
    page = build_page([script])
    assert "<script>\nlet v = 1;\n</script>" in page
    assert "vega 1.0.0\n\nFree - - of it" in page


def test_the_builder_refuses_what_it_cannot_pass_on(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="LICENSE"):
        build_page([npm_package(tmp_path, "vega", code="1", licence=None)])
    with pytest.raises(DataError, match="</script"):
        build_page([npm_package(tmp_path, "vega-lite", code="'</script>'")])
    with pytest.raises(DataError, match="npm install"):
        build_page([tmp_path / "vega-embed" / "build" / "vega-embed.min.js"])
