"""Kill the stages decode, mel, train and embed at every step and at random times, and see what the next run does.

``python -m tests.faults.kills`` does all of it in some minutes and prints one line; tests/faults/test_kills.py takes a
few of the same kills.
"""

import argparse
import json
import random
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fmagc.runtime.artifact_store import ArtifactStore
from tests.support.small_project import EPOCHS, OUTS_OF, SHARDS, Ended, Small, bring_encoder, command, write_small

Run = Callable[..., Ended]


@dataclass(frozen=True)
class Kill:
    """The place where a run dies: at the n-th call of a step, or after a time (the share of an undisturbed run)."""

    stage: str
    step: str = ""
    number: int = 0
    when: str = "before"
    share: float = 0.0


@dataclass(frozen=True)
class Undisturbed:
    """An undisturbed run: its results, its duration, and how often it comes to each step."""

    published: dict[str, bytes]
    seconds: float
    calls: dict[str, int]


def undisturbed(small: Small, stage: str) -> Undisturbed:
    """Run a stage to its end; the project is left without what it made."""
    started = time.monotonic()
    assert small.run(*command(stage)).status == 0
    seconds = time.monotonic() - started
    published = small.published(stage)
    clear(small, stage)
    ended = small.run("tests.support.kill_points", "none", "0", "before", *command(stage))
    assert ended.status == 0, ended
    assert small.published(stage) == published
    clear(small, stage)
    return Undisturbed(published, seconds, json.loads(ended.out.splitlines()[-1]))


def clear(small: Small, stage: str) -> None:
    """Forget all that a stage made."""
    for folder in (*(small.root / out for out in OUTS_OF[stage]), small.store(stage)):
        shutil.rmtree(folder, ignore_errors=True)


def named_kills(stage: str, calls: dict[str, int]) -> list[Kill]:
    """List kills before and after a middle and the last call of each step that a stage comes to."""
    return [
        Kill(stage, step, number, when)
        for step, count in calls.items()
        for number in sorted({(count + 1) // 2, count})
        for when in ("before", "after")
    ]


def random_kills(stage: str, n_kills: int, *, seed: int) -> list[Kill]:
    """Draw times of death; most of a little run's time is the start of Python, with torch even more, and left out."""
    rng = random.Random(seed)
    return [Kill(stage, share=rng.uniform(0.6 if stage in ("train", "embed") else 0.25, 1.0)) for _ in range(n_kills)]


def survive(small: Small, kill: Kill, reference: Undisturbed, *, run: Run = Small.run) -> int:
    """Kill a run, run again, and raise AssertionError unless all is as if nothing had been.

    The out keeps what the killed run left, which is more than DVC would leave there.

    Parameters
    ----------
    small : Small
    kill : Kill
    reference : Undisturbed
    run : callable
        How to run again: in a new process, or with ``Small.run_here`` in this one.

    Returns
    -------
    int
        How many shards, or epochs of the training, did not have to be made again.
    """
    clear(small, kill.stage)
    status = _die(small, kill, reference.seconds)
    assert status == -signal.SIGKILL or (kill.share and status == 0), (kill, status)
    assert small.survivors(within_s=2.0) == [], kill
    go_on = _train_on if kill.stage == "train" else _make_shards
    kept = go_on(small, kill, run)
    assert small.published(kill.stage) == reference.published, (kill, "other bytes")
    after = small.artifacts(kill.stage)
    left = {path.name for path in small.store(kill.stage).iterdir()}
    assert left == set(after) | {f"{name}.json" for name in after}, (kill, left)
    return kept


def _make_shards(small: Small, kill: Kill, run: Run) -> int:
    kept = small.artifacts(kill.stage)
    ended = run(small, *command(kill.stage))
    assert ended.status == 0, (kill, ended)
    after = small.artifacts(kill.stage)
    assert {name: after.get(name) for name in kept} == kept, (kill, "a finished shard was made again")
    assert f"{len(SHARDS) - len(kept)} shards made" in ended.out, (kill, ended)
    assert len(after) == len(SHARDS), (kill, after)
    return len(kept)


def _train_on(small: Small, kill: Kill, run: Run) -> int:
    kept = epochs_kept(small)
    ended = run(small, *command(kill.stage))
    assert ended.status == 0, (kill, ended)
    assert epochs_of(ended.out) == list(range(kept + 1, EPOCHS + 1)), (kill, ended)
    return kept


def epochs_kept(small: Small) -> int:
    """Count the finished epochs of the latest undamaged state that a training left."""
    folder = small.store("train")
    store = ArtifactStore(folder.name, root=folder.parent)
    names = [name.split(".", 1) for name in small.artifacts("train")]
    artifacts = [artifact for key, name in names if (artifact := store.find(name, key))]
    return max((artifact.record["epoch"] - 1 for artifact in artifacts), default=0)


def epochs_of(said: str) -> list[int]:
    """List the epochs that a training tells of."""
    return [int(number) for number in re.findall(r"^epoch +(\d+) ", said, flags=re.MULTILINE)]


def _die(small: Small, kill: Kill, seconds: float) -> int:
    if kill.step:
        return small.run(
            "tests.support.kill_points", kill.step, str(kill.number), kill.when, *command(kill.stage)
        ).status
    with small.start(*command(kill.stage)) as process:
        time.sleep(kill.share * seconds)
        process.kill()
        process.communicate()
    return process.returncode


def kill_all(small: Small, stage: str, kills: Sequence[Kill], reference: Undisturbed) -> dict[str, int]:
    """Survive some kills and count."""
    kept = [survive(small, kill, reference) for kill in kills]
    return {"kills": len(kills), "with_work_kept": sum(count > 0 for count in kept), "shards_or_epochs_kept": sum(kept)}


def main() -> None:
    """Kill and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--random", type=int, default=20, help="kills at random times, for each stage")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small = write_small(Path(folder) / "little")
        summary = {}
        for stage in OUTS_OF:
            if stage == "train":
                small.made("stats official")
            if stage == "embed":
                bring_encoder(small)
            reference = undisturbed(small, stage)
            named = named_kills(stage, reference.calls)
            drawn = random_kills(stage, arguments.random, seed=arguments.seed)
            summary[stage] = {
                "named": kill_all(small, stage, named, reference),
                "random": kill_all(small, stage, drawn, reference),
            }
            small.run(*command(stage))  # for the next stage
    print(json.dumps(summary))  # noqa: T201


if __name__ == "__main__":
    main()
