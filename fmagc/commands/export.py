"""The command `export`: a trained model in a form that leaves the project."""

import shlex
from importlib import import_module
from pathlib import Path

from fmagc.errors import SettingsError
from fmagc.runtime.entrypoint import log

__all__ = ["export"]

_NODE_MODULES = Path("node_modules")
_FORMS = {  # module, function, and what to do with OUT
    "onnx": ("fmagc.export.onnx_file", "export_onnx", "predict with it: fmagc predict SONG --model {out}"),
    "hub": ("fmagc.export.hub", "export_hub", "read its README.md before you upload it"),
    "web": (
        "fmagc.export.web",
        "export_web",
        "serve it: python3 -m http.server -d {out}\nand open http://localhost:8000 in a browser",
    ),
}


def export(folder: Path, out: Path, *, form: str, node_modules: Path | None) -> None:
    """Export the model of a training's folder, and print what to do with what was written.

    Parameters
    ----------
    folder : Path
        Of the model.
    out : Path
        What is written.
    form : str
        A key of the forms above; each imports what it needs alone.
    node_modules : Path or None
        In which npm installed what the form web needs; None: the folder of this name here.

    Raises
    ------
    SettingsError
        When another form is given a `node_modules`.
    DataError
        When the model cannot be used or exported.
    """
    if node_modules is not None and form != "web":
        raise SettingsError(f"--node-modules: expected with --web alone, found with --{form}: leave it out")
    module, function, use = _FORMS[form]
    own = {"node_modules": node_modules or _NODE_MODULES} if form == "web" else {}
    getattr(import_module(module), function)(folder, out, **own)
    log(f"{out}: written; {use.format(out=shlex.quote(str(out)))}")
