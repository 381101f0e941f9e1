"""Refs of models, in a scratch repository of git and DVC."""

import json
import os
import subprocess
import sys

import pytest

from fmagc.cli import main
from fmagc.commands.refs import make_refs
from fmagc.errors import DataError, FmagcError

NUMBERS = {"cnn2d": {"accuracy": 0.5, "macro_f1": 0.25}, "crnn": {"accuracy": 0.75, "macro_f1": 0.625}}


def _run(*command, cwd):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def _isolated(tmp_path, monkeypatch):
    """Neither the user's git settings nor an enclosing repository nor DVC's shared folders take part."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A Person")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "person@example.org")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    models = folder / "metrics/models/official"
    models.mkdir(parents=True)
    for model, metrics in NUMBERS.items():
        (models / f"{model}.json").write_text(json.dumps(metrics))
    (folder / "metrics/focus.json").write_text(json.dumps(NUMBERS["crnn"]))
    (folder / "metrics/leaderboard.md").write_text("# Leaderboard\n")
    _run("git", "init", "-q", cwd=folder)
    _commit(folder)
    return folder


def _commit(folder):
    _run("git", "add", "-A", cwd=folder)
    _run("git", "commit", "-q", "-m", "numbers", cwd=folder)


@pytest.mark.slow
def test_dvc_compares_two_models(project):
    _run(sys.executable, "-m", "dvc", "init", "-q", cwd=project)
    files = ["focus.json", "models/official/cnn2d.json", "models/official/crnn.json"]
    (project / "dvc.yaml").write_text("metrics:\n" + "".join(f"- metrics/{name}\n" for name in files))
    _commit(project)
    make_refs(repository=project)
    shown = _run(
        *(sys.executable, "-m", "dvc", "metrics", "diff", "--json", "models/official/cnn2d", "models/official/crnn"),
        cwd=project,
    )
    assert json.loads(shown) == {
        "metrics/focus.json": {
            "accuracy": {"old": 0.5, "new": 0.75, "diff": 0.25},
            "macro_f1": {"old": 0.25, "new": 0.625, "diff": 0.375},
        }
    }


def test_a_ref_differs_from_the_revision_in_the_focus_alone(project):
    refs = make_refs(repository=project)
    assert list(refs) == ["refs/models/official/cnn2d", "refs/models/official/crnn"]
    for ref, commit in refs.items():
        assert _run("git", "rev-parse", ref, cwd=project) == commit
        assert _run("git", "rev-parse", f"{ref}^", cwd=project) == _run("git", "rev-parse", "HEAD", cwd=project)
        focus = _run("git", "show", f"{ref}:metrics/focus.json", cwd=project)
        assert json.loads(focus) == NUMBERS[ref.rsplit("/", 1)[1]]
    changed = _run("git", "diff", "--name-only", "HEAD", "refs/models/official/cnn2d", cwd=project)
    assert changed == "metrics/focus.json"


def test_the_same_revision_gives_the_same_commits(project, monkeypatch):
    first = make_refs(repository=project)
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2031-01-01T00:00:00")
    assert make_refs("HEAD", repository=project) == first


def test_worktree_index_branches_and_tags_stay_as_they_are(project):
    (project / "metrics/focus.json").write_text("edited, not staged")
    (project / "metrics/models/official/crnn.json").write_text("staged")
    _run("git", "add", "metrics/models", cwd=project)
    (project / "new.txt").write_text("untracked")

    def state():
        shown = [
            _run("git", *words, cwd=project) for words in (["status", "--porcelain"], ["diff"], ["diff", "--cached"])
        ]
        return [*shown, _run("git", "branch", "-a", cwd=project), _run("git", "tag", cwd=project)]

    before, index = state(), (project / ".git/index").read_bytes()
    refs = make_refs(repository=project)
    assert (project / ".git/index").read_bytes() == index
    assert state() == before
    committed = _run("git", "show", f"{refs['refs/models/official/crnn']}:metrics/focus.json", cwd=project)
    assert json.loads(committed) == NUMBERS["crnn"]  # the revision's numbers, not the edited ones


def test_another_revision_replaces_the_refs(project):
    (project / "metrics/models/official/cnn2d.json").unlink()
    (project / "metrics/models/official/crnn.json").write_text('{"accuracy": 1.0}')
    _commit(project)
    make_refs("HEAD~1", repository=project)
    assert (
        json.loads(_run("git", "show", "refs/models/official/crnn:metrics/focus.json", cwd=project)) == NUMBERS["crnn"]
    )
    refs = make_refs(repository=project)
    assert _run("git", "for-each-ref", "--format=%(refname)", "refs/models", cwd=project).split() == list(refs)
    assert list(refs) == ["refs/models/official/crnn"]


def test_a_project_inside_a_larger_repository(tmp_path, project):
    larger = tmp_path / "larger"
    larger.mkdir()
    (project / ".git").rename(tmp_path / "unused")
    project.rename(larger / "genres")
    _run("git", "init", "-q", cwd=larger)
    _commit(larger)
    refs = make_refs(repository=larger / "genres")
    changed = _run("git", "diff", "--name-only", "HEAD", refs["refs/models/official/cnn2d"], cwd=larger)
    assert changed == "genres/metrics/focus.json"


def test_outside_a_repository_the_message_says_so(tmp_path):
    with pytest.raises(FmagcError, match=r"not a git repository.*Run this in the project's git repository"):
        make_refs(repository=tmp_path)


def test_without_git_the_message_says_so(project, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FmagcError, match="expected the program git"):
        make_refs(repository=project)


def test_an_unknown_revision_is_refused(project):
    with pytest.raises(FmagcError, match="nowhere"):
        make_refs("nowhere", repository=project)


def test_a_revision_without_metrics_is_refused(project):
    _run("git", "rm", "-q", "-r", "--cached", "metrics/models", cwd=project)
    _run("git", "commit", "-q", "-m", "none", cwd=project)
    with pytest.raises(DataError, match=r"HEAD: expected committed files metrics/models/<protocol>/<model>\.json"):
        make_refs(repository=project)


def test_the_command_lists_the_refs_and_ends_with_a_status(project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    assert main(["refs"]) == 0
    assert "dvc metrics diff models/official/cnn2d models/official/crnn" in capsys.readouterr().out
    assert main(["refs", "nowhere"]) == 1
    assert "nowhere" in capsys.readouterr().err
