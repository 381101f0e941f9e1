"""README.md, docs/ and CONTRIBUTING.md against the project: what they name exists, what they tabulate is so."""

import os
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import fmagc
from fmagc.models.build import build, count_parameters
from fmagc.models.registry import MODELS
from tests.support.dag import ROOT, stages

PAGES = tuple(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", *PAGES)
LEADERBOARD = ROOT / "metrics/leaderboard.md"
CI = ROOT / ".ci/run"
UNTRACKED = (".venv", ".dvc/cache", "data/raw", "data/.staging", "dvc_plots")  # made by commands, not by stages
FILES = ("csv", "html", "json", "lock", "md", "onnx", "png", "safetensors", "svg", "txt", "yaml", "zip")  # no settings
_ITEMS = {"protocol": "P", "model": "M", "seed": "S", "baseline": "B", "encoder": "E", "share": "F"}  # of a matrix
LETTERS = {f"${{item.{name}}}": letter for name, letter in _ITEMS.items()}


@cache
def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def fenced(document: str, language: str) -> list[str]:
    return [block.strip() for block in re.findall(rf"^ *```{language}\n(.*?)^ *```", text_of(document), re.M | re.S)]


def commands() -> list[str]:
    """Return the README's two commands: installation and use in one line."""
    return [block for block in fenced("README.md", "bash") if block.startswith("python3.11 -m venv")]


def spans(document: str) -> list[str]:
    """Return what stands in backticks outside fences."""
    prose = re.sub(r"^ *```.*?^ *```", "", text_of(document), flags=re.M | re.S)
    return re.findall(r"`([^`\n]+)`", prose)


def rows(document: str, section: str) -> list[list[str]]:
    """Return the cells of the first table below a heading of a page."""
    below = text_of(document).split(f"# {section}\n", 1)[1]
    table = re.search(r"(?:^\|.*\n)+", below, re.M)
    assert table, section
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]


@cache
def params() -> dict[str, Any]:
    document: dict[str, Any] = YAML(typ="safe", pure=True).load(text_of("params.yaml"))
    return document


def lettered(paths: Any) -> set[str]:
    """Name the files and params of a stage as the README does, with a letter for each item of a matrix."""
    found = set()
    for entry in paths:
        name = next(iter(entry)) if isinstance(entry, dict) else entry
        for item, letter in LETTERS.items():
            name = name.replace(item, letter)
        found.add(name)
    return found


def inputs_of(stage: dict[str, Any]) -> set[str]:
    return lettered(dep for dep in stage["deps"] if not dep.startswith(("fmagc/", "stages/")))


def outputs_of(stage: dict[str, Any]) -> set[str]:
    return lettered(out for kind in ("outs", "metrics", "plots") for out in stage.get(kind, []))


def within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def exists(path: str) -> bool:
    """Tell whether a path is in the repository, or is made by a stage or a command."""
    path = path.rstrip("/")
    if any(within(path, made) for made in UNTRACKED) or list(ROOT.glob(path)):
        return True
    # a matrix's out stands for all its items: compare part by part
    wanted = path.split("/")
    outs = [out.split("/") for stage in stages().values() for out in outputs_of(stage)]
    return any(_agree(wanted, out) for out in outs)


def _agree(wanted: list[str], out: list[str]) -> bool:
    return all(
        part == made or "*" in part or made.split(".")[0] in LETTERS.values()
        for part, made in zip(wanted, out, strict=False)
    )


def paths_named(document: str) -> Iterator[str]:
    folder = Path(document).parent
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)", text_of(document)):
        if "://" not in target:
            yield os.path.normpath(folder / target)
    for span in spans(document):
        is_path = re.fullmatch(r"[\w./*-]+", span) and ("/" in span.strip("/") or re.search(r"\.(md|ya?ml|txt)$", span))
        if is_path and not span.startswith(("/", "fma_")):
            yield span


def ancestors(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Close a relation: whoever comes before, however far."""
    while longer := {(a, d) for a, b in edges for c, d in edges if b == c} - edges:
        edges = edges | longer
    return edges


def test_two_commands_install_and_use() -> None:
    install = "python3.11 -m venv .venv && . .venv/bin/activate && pip install -c constraints.txt -e"
    assert commands() == [f"{install} . && dvc repro", f"{install} '.[test]' && pytest"]
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    assert "test" in project["optional-dependencies"]
    assert project["requires-python"] == ">=3.11"
    assert (ROOT / "constraints.txt").exists()


@pytest.mark.skipif(not CI.exists(), reason="no .ci/run in this copy")
def test_ci_installs_and_tests_as_the_readme_says() -> None:
    script = CI.read_text(encoding="utf-8").replace('"', "'")
    *_, install, test = commands()[1].split(" && ")
    options = install.removeprefix("pip install ")  # which pip, how loud, in which environment: CI's affair
    assert options in script, f"expected `{install}` in .ci/run"
    assert re.search(rf"\b{test}\b", script), f"expected `{test}` in .ci/run"


def test_table_of_names_is_the_api() -> None:
    assert sorted(row[0].strip("`") for row in rows("docs/api.md", "The names")) == fmagc.__all__


@pytest.mark.parametrize("name", stages())
def test_table_of_stages_is_dvc_yaml(name: str) -> None:
    table = {row[0]: row[1:] for row in rows("docs/pipeline.md", "The stages")}
    assert list(table) == list(stages())
    reads, writes, when = (set(re.findall(r"`([^`]+)`", cell)) for cell in table[name])
    stage = stages()[name]
    audio = {"data/raw"} if name == "fetch" else set()  # filled or linked, no out of DVC's
    assert reads - {"dataset.root"} == inputs_of(stage)
    assert writes - audio == outputs_of(stage)
    assert when == lettered(stage.get("params", []))


def test_diagram_orders_the_stages_as_dvc_yaml_does() -> None:
    lines = [line.strip().split(" --> ") for line in fenced("docs/pipeline.md", "text")[0].splitlines()]
    assert {name for line in lines for name in line} == set(stages())
    drawn = {pair for line in lines for pair in pairwise(line)}
    true = {
        (before, after)
        for before, maker in stages().items()
        for after, reader in stages().items()
        for out in outputs_of(maker)
        for dep in inputs_of(reader)
        if before != after and (within(out, dep) or within(dep, out))
    }
    assert ancestors(drawn) == ancestors(true)


def test_table_of_models_is_the_registry() -> None:
    table = {row[0]: row for row in rows("docs/models.md", "The models")}
    assert set(table) == set(MODELS)
    for name, (_, sees, _, parameters) in table.items():
        model = build(name, n_classes=8, dropout=0.0, clip_samples=2**19, hop_length=1024, n_mels=128)
        assert parameters == f"{count_parameters(model):,}", name
        views = {("waveform",): "waveform", ("mel",): "log-mel", ("waveform", "mel"): "both"}
        assert sees == views[MODELS[name].inputs], name


def test_disk_is_what_the_settings_make_of_it() -> None:
    audio, mel = params()["audio"], params()["mel"]
    samples = audio["max_seconds"] * audio["sample_rate"]
    wave, frames = 2 * samples / 1e6, samples // mel["hop_length"]
    spectrogram = 2 * frames * mel["n_mels"] / 1e6
    table = {row[0]: row[1:] for row in rows("docs/performance.md", "Disk")}
    assert table["decode"][0].startswith(f"{wave:.2f} MB ({audio['sample_rate']:,} samples")
    assert table["decode"][1] == f"{wave * 8:.0f} GB"
    assert table["mel"][0].startswith(f"{spectrogram:.2f} MB ({frames:,.0f} frames of {mel['n_mels']} bands")
    assert table["mel"][1] == f"{spectrogram * 8:.1f} GB"


def test_results_are_those_of_the_last_run() -> None:
    shown = text_of("README.md").split("<!-- leaderboard -->", 1)[1].split("<!-- /leaderboard -->", 1)[0]
    first = re.search(r"(?:^\|.*\n)+", LEADERBOARD.read_text(encoding="utf-8"), re.M)
    assert first
    table = first[0].splitlines()
    assert shown.strip().splitlines() == table, "put this between the markers:\n" + "\n".join(table)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_marker_waits_for_a_number(document: str) -> None:
    assert not re.search(r"<[A-Z]+:", text_of(document))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_named_paths_exist(document: str) -> None:
    assert [path for path in paths_named(document) if not exists(path)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_named_modules_exist(document: str) -> None:
    modules = re.findall(r"python -m ((?:fmagc|stages|tests)[\w.]*)", text_of(document))
    assert [name for name in modules if not _runs(ROOT.joinpath(*name.split(".")))] == []


def _runs(module: Path) -> bool:
    return module.with_suffix(".py").exists() or (module / "__main__.py").exists()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_named_settings_exist(document: str) -> None:
    named = re.findall(r"exp run -S ([\w.]+)=", text_of(document)) + [
        key for span in spans(document) if re.fullmatch(r"[a-z]+\.[\w.]+", key := span.split(": ")[0])
    ]
    for key in named:
        block, *rest = key.split(".")
        if block == "fmagc":
            assert rest[0] in fmagc.__all__, f"{document}: {key}"
            continue
        value: Any = params()
        if rest[-1] not in FILES:
            for part in [block, *([] if rest[0] in LETTERS.values() else rest)]:
                assert part in value, f"{document}: {key}"
                value = value[part]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_to_headings_have_a_heading(document: str) -> None:
    for page, heading in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", text_of(document)):
        if "://" not in page:
            target = os.path.normpath(Path(document).parent / page) if page else document
            assert heading in headings(target), f"{document}: {page}#{heading}"


def headings(document: str) -> set[str]:
    """Return the anchors of a page's headings."""
    prose = re.sub(r"^ *```.*?^ *```", "", text_of(document), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.+)$", prose, re.M)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


def test_readme_links_every_page_and_is_short() -> None:
    assert {page for page in PAGES if f"]({page})" not in text_of("README.md")} == {"docs/index.md"}
    assert len(text_of("README.md").splitlines()) <= 200


def test_index_lists_every_page() -> None:
    listed = re.findall(r"^(\w+)$", "\n".join(fenced("docs/index.md", "{toctree}")), re.M)
    assert sorted(listed) == sorted(Path(page).stem for page in PAGES if page != "docs/index.md")
