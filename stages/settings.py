"""Validate the whole of params.yaml, so that a misspelt key is seen even when nothing else would run."""

import sys

from fmagc.errors import SettingsError
from fmagc.models.registry import build
from fmagc.params.base import settings_error
from fmagc.params.schema import Params, check
from fmagc.paths import PARAMS_FILE
from fmagc.runtime.entrypoint import run_stage


def main() -> None:
    """Check params.yaml."""
    params = check()
    faults = list(dict.fromkeys(fault for name in params.run.models for fault in _faults_of(name, params)))
    if faults:
        raise settings_error(PARAMS_FILE, faults)
    print(f"params.yaml is sound: {params.dataset.name}, models {', '.join(params.run.models)}")


def _faults_of(name: str, params: Params) -> list[str]:
    """Build a network as training would: it knows best which clips and bands it can read."""
    mel = params.mel
    try:
        build(
            name,
            n_classes=2,
            dropout=0.0,
            clip_samples=params.clip.samples,
            hop_length=mel.hop_length,
            n_mels=mel.n_mels,
        )
    except SettingsError as error:
        return [str(error)]
    return []


if __name__ == "__main__":
    sys.exit(run_stage(main))
