"""Export a trained model as one ONNX file, from samples to probabilities."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

import fmagc
from fmagc.cache.clip_starts import evenly_spaced
from fmagc.errors import DataError
from fmagc.export.excerpt_network import ExcerptNetwork
from fmagc.inference.excerpts import ExcerptReader
from fmagc.inference.model import Model
from fmagc.inference.onnx_model import OnnxModel
from fmagc.inference.onnx_record import FORMAT, OnnxRecord, sealed
from fmagc.inference.torch_model import TorchModel
from fmagc.models.pretrained import normalisation_of
from fmagc.params.signal import n_frames
from fmagc.reporting.licences import licence_of
from fmagc.runtime.files import write_bytes
from fmagc.runtime.onnx_session import INSTALL, is_installed

__all__ = ["export_onnx"]

_OPSET = 18  # onnxruntime 1.20 and later, and onnxruntime-web, execute it
_TOLERANCE = 1e-4  # between a probability of the file and of torch


def export_onnx(folder: Path, out: Path) -> dict[str, Any]:
    """Export the model of a training's folder, and compare the file with torch before it gets its name.

    Parameters
    ----------
    folder : Path
        As the stage train leaves it, or a copy.
    out : Path
        Of the file, whose name ends in .onnx.

    Returns
    -------
    dict
        The fields of the training's `models.card.Card`.

    Raises
    ------
    DataError
        When the folder is no trained model, `out` is no name of an ONNX file, onnx or onnxruntime is not installed, or
        the file gives other probabilities than torch.
    """
    if out.suffix.lower() != ".onnx" or out.is_dir():
        raise DataError(f"{out}: expected the name of a file that ends in .onnx: `fmagc predict` knows one by it")
    if not (is_installed() and find_spec("onnx")):
        raise DataError(f"export: expected onnx and onnxruntime to be installed, found one missing: {INSTALL}")
    model = TorchModel(folder)
    content = sealed(_graph(model), _record(model))  # before the network runs, and moves to a GPU where there is one
    _require_equal(OnnxModel(out, content=content), model, out)
    write_bytes(out, content)
    return model.card


def _graph(model: TorchModel) -> bytes:
    """Serialise the graph of a network with its front end."""
    import onnx

    facts = model.facts
    module = ExcerptNetwork(
        model.network,
        normalisation_of(model.card),
        sr=facts.waveform.sample_rate,
        clip_samples=facts.clip_samples,
        mel=facts.mel,
        task=facts.task,
    )
    outputs = ["probabilities", *(["log_mel"] if module.log_mel is not None else [])]
    target = io.BytesIO()
    with _traceable():
        torch.onnx.export(
            module.eval(),
            (torch.zeros(2 * facts.clip_samples), torch.tensor([0, 1])),
            target,  # type: ignore[arg-type]  # this exporter takes a buffer too
            # torch's newer exporter writes an LSTM as a loop of single steps, which runs many times as long
            dynamo=False,
            opset_version=_OPSET,
            do_constant_folding=False,  # or the filterbank would be written; onnxruntime computes it once, on loading
            input_names=["samples", "starts"],
            output_names=outputs,
            dynamic_axes={
                "samples": {0: "n"},
                "starts": {0: "clips"},
                "probabilities": {0: "clips"},
                "log_mel": {0: "frames"},
            },
        )
    graph = onnx.load_from_string(target.getvalue())
    onnx.checker.check_model(graph, full_check=True)
    content: bytes = graph.SerializeToString(deterministic=True)
    return content


@contextmanager
def _traceable() -> Iterator[None]:
    """Let torch compute attention by operations that have a form in ONNX, and keep its notes on tracing to itself."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that shapes and a batch of an LSTM are traced: the comparison covers both
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


def _record(model: TorchModel) -> OnnxRecord:
    facts, card = model.facts, model.card
    return OnnxRecord(
        **facts.waveform.model_dump(),
        **facts.mel.model_dump(),
        format=FORMAT,
        fmagc=fmagc.__version__,
        torch=torch.__version__,
        model=facts.name,
        task=facts.task.name,
        genres=list(facts.genres),
        clip_samples=facts.clip_samples,
        n_clips=facts.n_clips,
        views=list(facts.views),
        parameters=card["parameters"],
        weights=card["weights"],
        caches=card["caches"],
        licence=licence_of(card["corpus"]),
    )


def _require_equal(exported: Model, model: Model, out: Path) -> None:
    """Compare the probabilities of a noise excerpt, whose length is no multiple of the hop.

    Raises
    ------
    DataError
        When they differ by more than rounding can explain.
    """
    facts = model.facts
    longest = round(facts.waveform.max_seconds * facts.waveform.sample_rate)
    noise = np.random.default_rng(0).standard_normal(min(longest, 5 * facts.clip_samples // 2 - 1)).astype(np.float32)
    noise *= np.geomspace(1e-3, 0.3, len(noise), dtype=np.float32)
    reader = ExcerptReader(
        views=("waveform", "mel"), waveform=facts.waveform, mel=facts.mel, min_samples=facts.clip_samples
    )
    (excerpt,) = reader.from_array(noise, sr=facts.waveform.sample_rate)
    hop = facts.mel.hop_length
    starts = evenly_spaced(
        n_frames(len(noise), hop_length=hop), clip_frames=n_frames(facts.clip_samples, hop_length=hop), n_clips=3
    )
    difference = float(np.abs(exported(excerpt, starts) - model(excerpt, starts)).max())
    if not difference <= _TOLERANCE:  # NaN is none either
        raise DataError(
            f"{out}: expected the probabilities of torch within {_TOLERANCE:g}, found a difference of {difference:.3g} "
            f"on noise; nothing was written. The versions of {INSTALL} are known to agree"
        )
