"""Validate the whole of params.yaml: every block, and what must hold between blocks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from fmagc.errors import format_list, format_value
from fmagc.params.base import Block, faults_of, read_document, settings_error, without_faults
from fmagc.params.corpus import DEMO, Dataset, Index
from fmagc.params.encoders import Encoder, EncoderName
from fmagc.params.evaluation import Baselines, Compare, Evaluate
from fmagc.params.robustness import Robustness
from fmagc.params.run import Engine, Run
from fmagc.params.signal import Audio, Clip, Mel
from fmagc.params.training import ModelSettings, Train
from fmagc.paths import PARAMS_FILE

__all__ = ["Params", "check"]

_MPEG_1_RATES = (32_000, 44_100, 48_000)  # Hz


class Params(Block):
    """params.yaml, block by block."""

    dataset: Dataset
    index: Index
    run: Run
    engine: Engine
    audio: Audio
    clip: Clip
    mel: Mel
    train: Train
    models: Annotated[dict[str, ModelSettings], Field(min_length=1)]
    baselines: Baselines
    encoders: dict[EncoderName, Encoder]
    evaluate: Evaluate
    compare: Compare
    robustness: Robustness


def check(path: Path = PARAMS_FILE) -> Params:
    """Read and validate the whole file.

    Raises
    ------
    SettingsError
        With every fault of every block, and every relation between blocks that does not hold.
    """
    document = read_document(path)
    faults = faults_of(Params, document) + list(_relations(without_faults(Params, document)))
    if faults:
        raise settings_error(path, faults)
    return Params.model_validate(document)


def _relations(document: dict[str, Any]) -> Iterator[str]:
    """Check what no block can check alone, of values that are valid by themselves."""
    for key in ("run.protocols", "run.models", "run.seeds", "run.baselines", "run.encoders", "run.train_shares"):
        values = _at(document, key, list)
        if values and len(set(map(str, values))) < len(values):
            yield f"{key}: expected each entry once, found {format_value(values)}"
    for key, blocks in (("run.models", "models"), ("run.baselines", "baselines"), ("run.encoders", "encoders")):
        known = _at(document, blocks, dict)
        for name in _at(document, key, list) or []:
            if known is not None and isinstance(name, str) and name not in known:
                names = format_list(list(map(str, known)))
                yield f"{key}: expected a name that has a block in {blocks} ({names}), found {format_value(name)}"
    results = ("run.models", "run.baselines", "run.encoders")
    for key, lists in (("compare.focus", results), ("compare.protocol", ("run.protocols",))):
        value, known = _at(document, key, str), [_at(document, listed, list) for listed in lists]
        values = [str(entry) for entries in known for entry in entries or []]
        if value is not None and values and None not in known and value not in values:
            entries = f"an entry of {' or '.join(lists)} ({format_list(values)})"
            yield f"{key}: expected {entries}, found {format_value(value)}"
    yield from _signal_relations(document)
    yield from _encoder_relations(document)
    for key in ("train", *(f"models.{name}.train" for name in _at(document, "models", dict) or {})):
        yield from _augment_relations(document, f"{key}.augment")
        own, shared = (_at(document, place, dict) or {} for place in (key, "train"))
        warmup, epochs = (_at(shared | own, name, int) for name in ("warmup_epochs", "epochs"))
        if own.keys() & {"warmup_epochs", "epochs"} and warmup and epochs and warmup >= epochs:
            yield f"{key}.warmup_epochs: expected fewer than epochs ({epochs}), found {warmup}"
    root, name = _at(document, "dataset.root", str), _at(document, "dataset.name", str)
    if name == DEMO and root is not None:
        yield f"dataset.root: expected null, since {DEMO} is synthesised, found {format_value(root)}"
    layout = _at(document, "dataset.layout", str)
    if name == DEMO and layout not in (None, "fma"):
        found = f"{format_value(layout)}: name your dataset"
        yield f"dataset.layout: expected fma, in which {DEMO} is synthesised, found {found}"


def _augment_relations(document: dict[str, Any], key: str) -> Iterator[str]:
    for place, augmentation in enumerate(_at(document, key, list) or []):
        for name in ("amplitude", "rate"):
            low, high = (_at(augmentation, f"{end}_{name}", int, float) for end in ("min", "max"))
            if low is not None and high is not None and low > high:
                yield f"{key}.{place}.max_{name}: expected at least min_{name} ({low}), found {high}"


def _signal_relations(document: dict[str, Any]) -> Iterator[str]:
    samples, hop = _at(document, "clip.samples", int), _at(document, "mel.hop_length", int)
    rate, seconds = _at(document, "audio.sample_rate", int), _at(document, "audio.max_seconds", int, float)
    fmin, fmax = _at(document, "mel.fmin", int, float), _at(document, "mel.fmax", int, float)
    rate = rate if rate and rate < 2**31 else None  # beyond that its block refuses it, and arithmetic would overflow
    n_mfcc, n_mels = _at(document, "baselines.svm_mfcc.n_mfcc", int), _at(document, "mel.n_mels", int)
    if n_mfcc and n_mels and n_mfcc > n_mels:
        yield f"baselines.svm_mfcc.n_mfcc: expected at most mel.n_mels ({n_mels}), found {n_mfcc}"
    if samples and hop and samples % hop:
        yield f"clip.samples: expected a multiple of mel.hop_length ({hop}), found {samples}"
    if samples and rate and seconds and samples > rate * seconds:
        yield f"clip.samples: expected at most audio.max_seconds ({rate * seconds:.0f} samples), found {samples}"
    for name in _at(document, "run.models", list) or []:  # others may wait for longer clips
        key = f"models.{name}.patch_samples"
        patch = _at(document, key, int)
        if patch and hop and patch % hop:
            yield f"{key}: expected a multiple of mel.hop_length ({hop}), found {patch}"
        if patch and samples and patch > samples:
            yield f"{key}: expected at most clip.samples ({samples}), the length of the shortest track, found {patch}"
    for hertz in _at(document, "robustness.low_pass_hz", list) or []:
        if rate and isinstance(hertz, int | float) and hertz >= rate / 2:
            yield (
                f"robustness.low_pass_hz: expected less than half of audio.sample_rate ({rate / 2:g} Hz), found {hertz}"
            )
    if rate and rate not in _MPEG_1_RATES and _at(document, "robustness.mp3_kbps", list):
        yield f"robustness.mp3_kbps: expected an empty list, since MPEG-1 knows no audio.sample_rate of {rate} Hz"
    if rate and fmax and fmax > rate / 2:
        yield f"mel.fmax: expected at most half of audio.sample_rate ({rate / 2:g} Hz), found {fmax}"
    if fmin and rate and fmin >= (fmax or rate / 2):
        yield f"mel.fmin: expected less than the upper limit ({fmax or rate / 2:g} Hz), found {fmin}"


def _encoder_relations(document: dict[str, Any]) -> Iterator[str]:
    rate = _at(document, "audio.sample_rate", int)
    for name, block in (_at(document, "encoders", dict) or {}).items():
        for others in ("models", "baselines"):
            if name in (_at(document, others, dict) or {}):
                yield f"encoders.{name}: expected a name of its own, found one of {others}"
        wanted = _at(block, "sample_rate", int)
        if rate and wanted and wanted != rate and _at(block, "input", str) == "mel":
            yield f"encoders.{name}.sample_rate: expected null, since the cached mel is of {rate} Hz, found {wanted}"


def _at(document: Any, key: str, *types: type) -> Any:
    """Return the value at a dotted key if it is of one of the types, else None."""
    for part in key.split("."):
        if not isinstance(document, dict):
            return None
        document = document.get(part)
    return document if isinstance(document, types) and not isinstance(document, bool) else None
