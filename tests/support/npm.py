"""A folder as npm leaves it, without what npm downloads."""

import json
from pathlib import Path

from fmagc.export import web


def node_modules(folder: Path, *, version: str = web.NPM_VERSION) -> Path:
    """Write a folder as npm does, with empty files in place of onnxruntime-web's."""
    package = folder / web.NPM_PACKAGE
    (package / "dist").mkdir(parents=True)
    (package / "package.json").write_text(json.dumps({"name": web.NPM_PACKAGE, "version": version}))
    for name in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"):
        (package / "dist" / name).touch()
    return folder
