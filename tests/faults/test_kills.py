"""Killed stages: a few of the kills of ``python -m tests.faults.kills``, and workers whose parent dies."""

import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.faults.kills import Kill, Undisturbed, survive
from tests.support.small_project import Small

KILLS = (
    Kill("decode", "replace", 3, "after"),  # the second piece lies there without its note
    Kill("decode", "place", 2, "after"),
    Kill("decode", "ledger", 1, "after"),
    Kill("decode", share=0.9),
    Kill("mel", "replace", 11, "before"),  # a half published cache, a temporary link in it
)
TRAININGS = (
    Kill("train", "step", 8, "after"),  # in the third epoch
    Kill("train", "note", 5, "before"),  # a checkpoint lies there without its note
    Kill("train", "card", 1, "before"),  # the weights are published
    Kill("train", share=0.9),
)
EMBEDDINGS = (
    Kill("embed", "seal", 2, "before"),  # the rows of the second shard are written
    Kill("embed", "note", 3, "before"),
    Kill("embed", "ledger", 1, "after"),  # published, but without its manifest
)
STUCK = """
import time
from fmagc.runtime.worker_pool import map_isolated
if __name__ == "__main__":
    for outcome in map_isolated(time.sleep, [0, 600, 600], timeout_s=900, workers=2):
        print("under way", flush=True)
"""


@pytest.mark.parametrize("kill", KILLS, ids=lambda kill: f"{kill.stage}-{kill.step or 'random'}-{kill.when}")
def test_the_run_after_a_kill_makes_the_same_bytes(made: Small, sound: Small, kill: Kill) -> None:
    survive(made, kill, Undisturbed(sound.published(kill.stage), seconds=2.0, calls={}), run=Small.run_here)


@pytest.mark.parametrize("kill", TRAININGS, ids=lambda kill: kill.step or "random")
def test_a_training_goes_on_after_a_kill_as_if_nothing_had_been(made: Small, trained: Small, kill: Kill) -> None:
    survive(made, kill, Undisturbed(trained.published("train"), seconds=4.5, calls={}), run=Small.run_here)


@pytest.mark.parametrize("kill", EMBEDDINGS, ids=lambda kill: kill.step)
def test_embedding_goes_on_after_a_kill_with_the_next_shard(embedded: Small, tmp_path: Path, kill: Kill) -> None:
    copy = Small(shutil.copytree(embedded.root, tmp_path / "little"))
    survive(copy, kill, Undisturbed(embedded.published("embed"), seconds=4.0, calls={}), run=Small.run_here)


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM])
def test_workers_do_not_outlive_their_parent_in_the_middle_of_a_task(made: Small, death: signal.Signals) -> None:
    (made.root / "stuck.py").write_text(STUCK)
    with made.start("stuck") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "under way\n"
        time.sleep(0.2)  # until both workers are at their long tasks
        process.send_signal(death)
        process.wait()
        assert made.survivors(within_s=2.0) == []
