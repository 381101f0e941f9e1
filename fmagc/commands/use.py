"""Point the pipeline at a corpus: `fmagc use`."""

import json
import shlex
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from fmagc.commands.corpora import locate, look_at
from fmagc.commands.git import run_git
from fmagc.commands.params_file import check_text, edited
from fmagc.errors import DataError, FmagcError, format_list, format_value
from fmagc.params.corpus import DEMO, Dataset
from fmagc.params.schema import Params, check
from fmagc.paths import (
    LEADERBOARD,
    METRICS,
    MODELS_FOLDER,
    PARAMS_FILE,
    PIPELINE,
    PLOTS,
    PREDICTIONS,
    REPORT,
    STATS,
    TRACK_METRICS,
)
from fmagc.runtime.files import write_text
from fmagc.tasks.task import TASKS

__all__ = ["use"]

# The labels and the training of the committed demo, and the training that suits real music.
_DEMO = {
    "index.labels": "single",
    "index.min_tracks": 1,
    "train.epochs": 16,
    "train.patience": 6,
    "train.batch_size": 8,
    "robustness.tracks": 16,
    "audio.decoder": "soundfile",
    "audio.fallback": "none",
}
_REAL = {"train.epochs": 30, "train.patience": 8, "train.batch_size": 32, "robustness.tracks": 300}
_LOCK = Path("dvc.lock")
_COMMITTED = (METRICS, PLOTS, _LOCK)  # what git holds of a run
_MADE = (MODELS_FOLDER, PREDICTIONS, STATS)  # where stages look for all that lies there; DVC's cache keeps it

_WHY = {
    "official": "the corpus's own sets",
    "artist": "no artist is in two sets",
    "random": "drawn without regard to artists",
}
_GENRES = {"single": "one genre for each track", "multi": "several genres a track"}

_git = partial(run_git, repository=Path(), task="fmagc use --branch")


def use(
    corpus: str,
    *,
    root: Path | None = None,
    download: bool = False,
    labels: str | None = None,
    branch: str | None = None,
) -> None:
    """Look at a corpus, set params.yaml for it, and say what comes next.

    Parameters
    ----------
    corpus : str
        A folder, a name of FMA's, or ``demo``.
    root : Path, optional
        The folder that holds an audio folder of this name and `fma_metadata`.
    download : bool
        Whether fetch may download.
    labels : str, optional
        The genres of a track, a value of `index.labels` by which the corpus is looked at; None: that of params.yaml, or
        of the demo.
    branch : str, optional
        A new git branch that gets the settings, and none of the results of the present one.

    Raises
    ------
    SettingsError
        When params.yaml is at fault, before or after the change.
    DataError
        When the folder is not a corpus.
    FmagcError
        Outside a project; with `branch`, when work is not committed. In all cases nothing is written.
    """
    missing = [str(path) for path in (PARAMS_FILE, PIPELINE) if not path.is_file()]
    if missing:
        raise FmagcError(
            f"fmagc use: expected a project's folder with {PARAMS_FILE} and {PIPELINE}, found no "
            f"{', no '.join(missing)} in {Path().resolve()}: run it in your clone of the project"
        )
    before = check()
    try:
        summary, values = (
            _demo(root, download) if corpus in ("demo", DEMO) else _settings(corpus, root, download, labels, before)
        )
    except DataError as error:
        raise DataError(f"{error}\nfmagc use wrote nothing: correct that, then run it again") from None
    if labels is not None:
        values["index.labels"] = labels
    text, changes = edited(PARAMS_FILE.read_text(encoding="utf-8"), values)
    after = check_text(PARAMS_FILE.name, text)
    summary.append(f"  labels: {after.index.labels}, {_GENRES[after.index.labels]}")
    if branch is not None:
        _require_clean(branch)
        _git(["switch", "--quiet", "--create", branch])
        summary += _remove_results()
    write_text(PARAMS_FILE, text)
    if branch is not None:
        _git(["add", "--", str(PARAMS_FILE)])
        _git(["commit", "--quiet", "--allow-empty", "--message", f"Settings for {after.dataset.name}"])
        summary.append(f"branch {branch}: the settings below are committed")
    for line in [*summary, *_report(changes), *_next(after, branch)]:
        print(line)  # noqa: T201


def _settings(
    corpus: str, root: Path | None, download: bool, labels: str | None, before: Params
) -> tuple[list[str], dict[str, Any]]:
    """Find a corpus and the values that suit it."""
    index = before.index.model_copy(update={"labels": labels or before.index.labels})
    found = look_at(locate(corpus, root=root, download=download, mirror=before.dataset.mirror), index)
    values = _values(found.dataset, found.protocol, found.subset, found.genres)
    if found.fallback:
        values["audio.fallback"] = found.fallback
    today = before.model_dump()
    for key, value in _REAL.items():
        block, name = key.split(".")
        small = found.dataset.layout != "fma" and key == "train.batch_size"  # the batch goes by the size of the corpus
        if today[block][name] == _DEMO[key] and not small:  # what the owner set stays
            values[key] = value
    return [*found.summary, f"  protocol: {found.protocol}, {_WHY[found.protocol]}"], values


def _demo(root: Path | None, download: bool) -> tuple[list[str], dict[str, Any]]:
    """Return the values of the committed demo."""
    if root is not None or download:
        raise DataError(
            "fmagc use demo: expected no --root and no --download, since the demo is synthesised, found one of them"
        )
    dataset = Dataset(name=DEMO, root=None)
    values = _values(dataset, "official", "small", None) | _DEMO
    summary = ["the demo: synthesised by the stage fetch, its numbers say nothing about music"]
    return [*summary, "  what else was changed in params.yaml stays"], values


def _values(dataset: Dataset, protocol: str, subset: str, genres: int | list[int | str] | None) -> dict[str, Any]:
    """Return the values of the keys that identify the corpus."""
    values: dict[str, Any] = {f"dataset.{key}": value for key, value in dataset.model_dump().items()}
    values |= {"index.subset": subset, "index.genres": genres}
    return values | {"run.protocols": [protocol], "compare.protocol": protocol}


def _require_clean(branch: str) -> None:
    """Raise FmagcError unless a new branch can be made for the settings alone: all other work is committed."""
    try:
        _git(["check-ref-format", "--branch", branch])
    except FmagcError:
        raise FmagcError(
            f"fmagc use --branch: expected a name that git takes, without blanks, found {format_value(branch)}"
        ) from None
    if _git(["branch", "--list", branch]):
        raise FmagcError(
            f"fmagc use --branch: expected a new name, found the branch {branch}: name another, or "
            f"`git switch {branch}` and leave --branch out"
        )
    _git(["var", "GIT_COMMITTER_IDENT"])
    work = [line[3:] for line in _git(["status", "--porcelain", "--untracked-files=no"]).splitlines()]
    work += _git(["ls-files", "--others", "--exclude-standard", "--", *map(str, _COMMITTED)]).splitlines()
    if work:
        raise FmagcError(
            f"fmagc use --branch: expected all work to be committed, found changes in {format_list(work)}: commit them "
            "(`git commit -a`), put them aside (`git stash -u`) or take them back (`git restore --staged --worktree "
            ".`); nothing was written"
        )


def _remove_results() -> list[str]:
    """Remove the results from the branch, and report how many files that were."""
    held = _git(["ls-files", "--", *map(str, _COMMITTED)]).splitlines()
    _git(["rm", "-r", "--quiet", "--ignore-unmatch", "--", *map(str, _COMMITTED)])
    for folder in _MADE:
        shutil.rmtree(folder, ignore_errors=True)
    return [f"results of another corpus: {len(held)} files are out of this branch, and stay in the others"]


def _report(changes: Mapping[str, tuple[Any, Any]]) -> list[str]:
    """List the settings that were changed."""
    if not changes:
        return [f"{PARAMS_FILE}: as it was"]
    return [
        f"{PARAMS_FILE}:",
        *(f"  {key}: {json.dumps(old)} -> {json.dumps(new)}" for key, (old, new) in changes.items()),
    ]


def _next(settings: Params, branch: str | None) -> list[str]:
    """Say what to run; results of other protocols, which compare would refuse, go first, and the demo's come back."""
    lines = ["next:"]
    if settings.dataset.name == DEMO and branch is None and not _LOCK.exists() and _is_committed(_LOCK):
        lines += [f"  git restore --staged --worktree {METRICS} {PLOTS} {_LOCK}", "  dvc checkout"]
    left = [folder for folder in TRACK_METRICS.glob("*") if folder.name not in settings.run.protocols]
    if branch is None and left:
        lines += [
            f"  git rm -rq {METRICS} {PLOTS} {_LOCK}   # results of another corpus, which git keeps in its history",
            f"  rm -rf {shlex.join(map(str, _MADE))}",
        ]
    if settings.index.min_tracks == 1 and not TASKS[settings.index.labels].needs_every_genre:
        lines.append(
            f"  if wanted, index.min_tracks in {PARAMS_FILE} (now 1): genres with fewer training tracks are left out"
        )
    return [*lines, "  dvc repro", f"results: {LEADERBOARD}, {REPORT} and `dvc metrics show`"]


def _is_committed(path: Path) -> bool:
    try:
        return bool(_git(["ls-tree", "HEAD", "--", str(path)]))
    except FmagcError:  # no repository, or one without a commit
        return False
