"""A stage that kills itself at a named step: ``python -m tests.support.kill_points replace 3 before stages.decode``.

The product has no hook for this: the step is a function of it, or of the system, that is wrapped here. With the number
0 nothing is killed, and the calls of every step are counted and printed.
"""

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

from fmagc.cache.build import mel_shard, mels, waveform_shard, waveforms
from fmagc.embeddings import build, shard
from fmagc.runtime import artifact_store
from fmagc.runtime.entrypoint import run_stage

STEPS: dict[str, list[tuple[Any, str]]] = {
    "enter": [(artifact_store.ArtifactStore, "__enter__")],
    "prepare": [(artifact_store.ArtifactStore, "prepare")],
    "start": [(waveforms, "create_empty"), (mels, "create_empty"), (build, "create_empty")],
    "seal": [(waveform_shard, "seal"), (mel_shard, "seal"), (shard, "seal")],
    "keep": [(artifact_store.ArtifactStore, "commit")],
    "note": [(artifact_store, "write_record")],
    "publish": [(artifact_store.ArtifactStore, "publish")],
    "place": [(artifact_store, "link_or_copy")],
    "tidy": [(artifact_store, "keep_only")],
    "ledger": [(waveforms, "write_ledger"), (build, "write_ledger")],
    "manifest": [(waveforms, "write_manifest"), (mels, "write_manifest"), (build, "write_manifest")],
    "leave": [(artifact_store.ArtifactStore, "__exit__")],
    "replace": [(os, "replace")],
    "fsync": [(os, "fsync")],
    "link": [(os, "link")],
    "unlink": [(os, "unlink")],
}


def main() -> int:
    """Run the stage, and die on the way."""
    step, number, when, stage, *arguments = sys.argv[1:]
    sys.argv = [stage, *arguments]
    calls: Counter[str] = Counter()
    for name, places in (STEPS | (_training_steps() if stage == "stages.train" else {})).items():
        for owner, attribute in places:
            call = getattr(owner, attribute)
            setattr(owner, attribute, _counted(call, name, calls, fatal=int(number) if name == step else 0, when=when))
    status = run_stage(import_module(stage).main)
    if int(number) == 0:
        print(json.dumps(calls))  # noqa: T201
    return status


def _training_steps() -> dict[str, list[tuple[Any, str]]]:
    """Name what only a training does, whose import brings torch."""
    import torch

    from fmagc.models import pretrained
    from fmagc.training import checkpoints, loop

    return {
        "draft": [(checkpoints, "write_bytes")],
        "step": [(torch.optim.Adam, "step")],
        "measure": [(loop.Trainer, "measure")],
        "card": [(pretrained, "write_record")],
    }


def _counted(call: Callable[..., Any], name: str, calls: Counter[str], *, fatal: int, when: str) -> Callable[..., Any]:
    @wraps(call)
    def counted(*positional: Any, **named: Any) -> Any:
        calls[name] += 1
        mine = calls[name] == fatal
        if mine and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return call(*positional, **named)
        finally:
            if mine:
                os.kill(os.getpid(), signal.SIGKILL)

    return counted


if __name__ == "__main__":
    sys.exit(main())
