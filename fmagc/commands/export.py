"""The command `export`: a trained model in a form that leaves the project."""

from importlib import import_module
from pathlib import Path

from fmagc.runtime.entrypoint import log

__all__ = ["export"]

_FORMS = {
    "onnx": ("fmagc.export.onnx_file", "export_onnx"),
    "hub": ("fmagc.export.hub", "export_hub"),
    "web": ("fmagc.export.web", "export_web"),
}


def export(folder: Path, out: Path, *, form: str, node_modules: Path) -> None:
    """Export the model of a training's folder.

    Parameters
    ----------
    folder : Path
        Of the model.
    out : Path
        What is written.
    form : str
        A key of the forms above; each imports what it needs alone.
    node_modules : Path
        In which npm installed what the form web needs.

    Raises
    ------
    DataError
        When the model cannot be used or exported.
    """
    module, function = _FORMS[form]
    own = {"node_modules": node_modules} if form == "web" else {}
    getattr(import_module(module), function)(folder, out, **own)
    log(f"{out}: written")
