"""Validate the whole of params.yaml, so that a misspelt key is seen even when nothing else would run."""

import sys

from fmagc.embeddings.encoder_file import file_faults
from fmagc.errors import SettingsError
from fmagc.models.layouts import ClipShape
from fmagc.models.registry import model_named
from fmagc.params.base import settings_error
from fmagc.params.schema import Params, check
from fmagc.params.signal import n_frames
from fmagc.paths import PARAMS_FILE
from fmagc.runtime.entrypoint import run_stage


def main() -> None:
    """Check params.yaml."""
    params = check()
    faults = list(dict.fromkeys(fault for name in params.run.models for fault in _faults_of(name, params)))
    faults += [fault for name in params.run.encoders for fault in file_faults(name, params.encoders[name])]
    if faults:
        raise settings_error(PARAMS_FILE, faults)
    print(f"params.yaml is sound: {params.dataset.name}, models {', '.join(params.run.models)}")


def _faults_of(name: str, params: Params) -> list[str]:
    """Ask a model whether it can read the clips and bands."""
    patch, mel = params.models[name].patch_samples, params.mel
    samples, key = (patch, f"models.{name}.patch_samples") if patch else (params.clip.samples, "clip.samples")
    clip = ClipShape(
        samples=samples, frames=n_frames(samples, hop_length=mel.hop_length), n_mels=mel.n_mels, setting=key
    )
    try:
        model_named(name).require_readable(clip)
    except SettingsError as error:
        return [str(error)]
    return []


if __name__ == "__main__":
    sys.exit(run_stage(main))
