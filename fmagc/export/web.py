"""Export a trained model as a page: static files by which a browser predicts the genres of songs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fmagc.audio.mel_filterbank import band_edges
from fmagc.errors import DataError
from fmagc.export.onnx_file import export_onnx
from fmagc.export.project_results import ProjectResults, find_results
from fmagc.inference.onnx_record import OnnxRecord, read_record
from fmagc.params.corpus import DEMO
from fmagc.params.signal import Mel
from fmagc.reporting.html.page import BASE_STYLE
from fmagc.reporting.labels import DEMO_NOTE, MEASURES, VIEWS
from fmagc.reporting.metric_text import metric_text
from fmagc.reporting.presentation.registry import PRESENTATIONS
from fmagc.reporting.text import listed
from fmagc.runtime.files import new_folder, write_bytes, write_json

__all__ = ["NPM_PACKAGE", "NPM_VERSION", "export_web"]

NPM_PACKAGE, NPM_VERSION = "onnxruntime-web", "1.30.0"

_PAGE = Path(__file__).parent / "page"
_OF_DEMO = "The model was trained on the demo, which a program synthesised: on other music it does no more than guess."
# Without the suffix .mjs, which some servers do not know for JavaScript.
_RUNTIME = {
    "dist/ort.wasm.bundle.min.mjs": "ort.wasm.bundle.min.js",
    "dist/ort-wasm-simd-threaded.wasm": "ort-wasm-simd-threaded.wasm",
}


def export_web(folder: Path, out: Path, *, node_modules: Path) -> None:
    """Export the model of a training's folder as a page.

    Parameters
    ----------
    folder : Path
        As the stage train leaves it, or a copy.
    out : Path
        Of the new folder.
    node_modules : Path
        In which npm installed onnxruntime-web.

    Raises
    ------
    DataError
        When `out` exists, onnxruntime-web is missing or has another version than `NPM_VERSION`, or as by `export_onnx`.
    """
    with new_folder(out) as made:
        runtime = dict(_runtime(node_modules / NPM_PACKAGE))
        target = made / "model.onnx"
        trained = export_onnx(folder, target)
        record = read_record(target, target.read_bytes())
        for name, content in (runtime | dict(_licences())).items():
            write_bytes(made / NPM_PACKAGE / name, content)
        for path in (BASE_STYLE, *sorted(_PAGE.iterdir())):
            write_bytes(made / path.name, path.read_bytes())
        write_json(made / "model.json", _description(record, trained, find_results(folder, trained)))


def _runtime(package: Path) -> Iterator[tuple[str, bytes]]:
    """Read the files of onnxruntime-web that the page needs."""
    npm = f"npm install --no-save --ignore-scripts {NPM_PACKAGE}@{NPM_VERSION}"
    install = f"run `{npm}` in {package.absolute().parent.parent}, or name npm's folder by --node-modules"
    try:
        found = json.loads((package / "package.json").read_text(encoding="utf-8"))["version"]
    except FileNotFoundError:
        found = "none"
    if found != NPM_VERSION:
        raise DataError(f"{package}: expected {NPM_PACKAGE} {NPM_VERSION}, found {found}: {install}")
    for source, name in _RUNTIME.items():
        try:
            yield name, (package / source).read_bytes()
        except FileNotFoundError:
            raise DataError(f"{package / source}: expected a file of {NPM_PACKAGE}, found none: {install}") from None


def _licences() -> Iterator[tuple[str, bytes]]:
    """Read the licence of onnxruntime and those of what it links: its npm package is published without them."""
    import onnxruntime

    for name in ("LICENSE", "ThirdPartyNotices.txt"):
        yield name, (Path(onnxruntime.__file__).parent / name).read_bytes()


def _description(record: OnnxRecord, trained: dict[str, Any], tested: ProjectResults | None) -> dict[str, Any]:
    """Describe the model for the page: the record, the bands' frequencies, a warning, and lines for readers."""
    mel = Mel(**{name: getattr(record, name) for name in Mel.model_fields})
    bands_hz = band_edges(record.sample_rate, mel)[1:-1]
    return record.model_dump() | {
        "bands_hz": bands_hz.round(2).tolist(),
        "warning": _OF_DEMO if trained["corpus"]["name"] == DEMO else "",
        "card": dict(_lines(record, trained, tested)),
    }


def _lines(record: OnnxRecord, trained: dict[str, Any], tested: ProjectResults | None) -> Iterator[tuple[str, str]]:
    seconds, corpus = record.clip_samples / record.sample_rate, trained["corpus"]["name"]
    views = listed(f"the {VIEWS[view]}" for view in sorted(record.views, reverse=True))
    yield "name", record.model
    yield "genres", ", ".join(record.genres)
    yield "corpus", corpus
    yield "input", f"{views} of {seconds:.1f} s at a time, at {record.sample_rate:,} Hz, mono"
    yield "parameters", f"{record.parameters:,}"
    yield _validation(trained) if tested is None else _test(trained, tested)
    if corpus == DEMO:
        yield "note", DEMO_NOTE
    yield "weights", f"{record.weights} (xxh3-128)"
    yield "versions", f"fmagc {record.fmagc}, torch {record.torch}, {NPM_PACKAGE} {NPM_VERSION}"
    yield "licence", record.licence


def _validation(trained: dict[str, Any]) -> tuple[str, str]:
    names = PRESENTATIONS[trained["task"]].card.brief
    scores = listed(f"{name} {trained['validation'][column]:.3f}" for column, name in names.items())
    return (
        "validation",
        f"{scores} by track, on the tracks by which the best of {trained['train']['epochs']} epochs was chosen",
    )


def _test(trained: dict[str, Any], tested: ProjectResults) -> tuple[str, str]:
    metrics, names = tested.metrics(), PRESENTATIONS[trained["task"]].resampled
    scores = listed(f"{MEASURES[name]} {metric_text(metrics, name)}" for name in names)
    several = f"{names[0]}_std" in metrics
    seeds = "; means over several trainings, ± their standard deviation" if several else ""
    return (
        "test",
        f"{scores} by track, on the test tracks of the protocol {tested.protocol}; in brackets: 95 % intervals{seeds}",
    )
