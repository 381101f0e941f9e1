"""Make a git ref for each model, so that DVC can compare two models of one revision.

`dvc metrics diff` compares one file between two revisions. `fmagc refs [REV]` therefore makes, for
each metrics/models/<protocol>/<model>.json of REV (HEAD by default), a commit on top of REV in which
metrics/focus.json has that model's numbers, and points refs/models/<protocol>/<model> at it:

    dvc metrics diff models/official/cnn2d models/official/crnn

Neither the working tree nor the index is touched, and the refs are no branches and no tags. The same REV gives the
same commits. refs/models belongs to this module: refs of models that REV does not have are deleted.
"""

import tempfile
from functools import partial
from pathlib import Path, PurePosixPath

from fmagc.commands.git import run_git
from fmagc.errors import DataError
from fmagc.paths import FOCUS, TRACK_METRICS

__all__ = ["make_refs", "refs"]

REFS = "refs/models"

_git = partial(run_git, task="model refs")

# fixed, so that the same revision gives the same commits on every machine
_SIGNATURE = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "fmagc"), ("EMAIL", "fmagc@localhost"), ("DATE", "2000-01-01T00:00:00+0000"))
}


def make_refs(rev: str = "HEAD", *, repository: Path = Path()) -> dict[str, str]:
    """Make the refs of all models that a revision has metrics of.

    Parameters
    ----------
    rev : str
        Anything that names a commit.
    repository : Path
        The project's folder.

    Returns
    -------
    dict of str to str
        Ref to commit id.

    Raises
    ------
    FmagcError
        Without git, outside a repository, or when there is no such revision.
    DataError
        When the revision holds no metrics of a model.
    """
    prefix = _git(["rev-parse", "--show-prefix"], repository)  # not empty where the project is a part of the repository
    commit = _git(["rev-parse", "--verify", "--end-of-options", f"{rev}^{{commit}}"], repository)
    blobs = _metrics_files(commit, repository)
    if not blobs:
        raise DataError(
            f"{rev}: expected committed files {TRACK_METRICS}/<protocol>/<model>.json, found none. Run this in the "
            "project's folder; `dvc repro` makes them and `git add metrics` and `git commit` record them."
        )
    with tempfile.TemporaryDirectory(prefix="fmagc-refs-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(["read-tree", commit], repository, env=index)
        refs = {}
        for name, blob in blobs.items():
            _git(["update-index", "--add", "--cacheinfo", f"100644,{blob},{prefix}{FOCUS}"], repository, env=index)
            tree = _git(["write-tree"], repository, env=index)
            message = f"{FOCUS} of {name}"
            made = _git(["commit-tree", tree, "-p", commit, "-m", message], repository, env=_SIGNATURE)
            refs[f"{REFS}/{name}"] = made
    stale = set(_git(["for-each-ref", "--format=%(refname)", REFS], repository).split()) - set(refs)
    changes = [f"delete {ref}" for ref in sorted(stale)] + [f"update {ref} {made}" for ref, made in refs.items()]
    _git(["update-ref", "--stdin"], repository, text="\n".join(changes) + "\n")  # all of them or none
    return refs


def refs(rev: str = "HEAD") -> None:
    """Make the refs, list them, and show what they are for."""
    made = {ref.removeprefix("refs/"): commit for ref, commit in make_refs(rev).items()}
    for name, commit in made.items():
        print(f"{commit[:10]} {name}")  # noqa: T201
    if len(made) > 1:
        first, second, *_ = made
        print(f"Compare two, for instance: dvc metrics diff {first} {second}")  # noqa: T201


def _metrics_files(commit: str, repository: Path) -> dict[str, str]:
    """List `<protocol>/<model>` and the blob of its metrics, in alphabetical order."""
    listing = _git(["ls-tree", "-r", "-z", commit, "--", f"{TRACK_METRICS}/"], repository)
    blobs = {}
    for entry in filter(None, listing.split("\0")):
        description, path = entry.split("\t", 1)
        name = PurePosixPath(path).relative_to(TRACK_METRICS)
        if name.suffix == ".json" and len(name.parts) == 2:
            blobs[str(name.with_suffix(""))] = description.split()[2]
    return dict(sorted(blobs.items()))
