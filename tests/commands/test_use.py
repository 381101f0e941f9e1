"""`fmagc use`: each kind of corpus, an edited params.yaml, wrong folders, and the branch of its own."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fmagc.cli import main
from fmagc.corpus.data_home import prepare_dataset
from fmagc.errors import DataError
from fmagc.params.corpus import Dataset
from tests.support.dag import ROOT
from tests.support.mini_corpus import NAME
from tests.support.settings_project import FILES, git, settings

pytestmark = pytest.mark.usefixtures("project")

PARAMS = (ROOT / "params.yaml").read_text(encoding="utf-8")


def corpus() -> tuple[Any, ...]:
    found = settings()
    assert found["run"]["protocols"] == [found["compare"]["protocol"]]
    return (*(found["dataset"][key] for key in ("name", "root", "layout", "download")), found["compare"]["protocol"])


def test_folders_with_artists(music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (music / "Folk/cover.jpg").touch()
    assert main(["use", str(music)]) == 0
    assert corpus() == ("my_music", str(music), "folders", False, "artist")
    printed = capsys.readouterr().out
    for line in ("a folder for each genre", "genres: 2 (Dance 6, Folk 6)", "tracks: 12", "artists: 6", "1 .jpg"):
        assert line in printed
    assert "  protocol: artist, no artist is in two sets\n" in printed
    assert printed.endswith(
        "next:\n  dvc repro\nresults: metrics/leaderboard.md, plots/report.html and `dvc metrics show`\n"
    )


def test_folders_without_artists(tmp_path: Path) -> None:
    for path in FILES:
        (tmp_path / "gtzan" / path.split("/")[0]).mkdir(parents=True, exist_ok=True)
        (tmp_path / "gtzan" / path.replace("/", "_").replace("_", "/", 1)).touch()
    assert main(["use", "../gtzan"]) == 0
    assert corpus() == ("gtzan", str(tmp_path / "gtzan"), "folders", False, "random")


def test_a_folder_without_music_is_named(music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (music / "Artwork").mkdir()
    assert main(["use", str(music)]) == 0
    assert "  not used: Artwork (no music in it)\n" in capsys.readouterr().out


def test_formats_that_need_ffmpeg_get_it(music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in music.rglob("1.wav"):
        path.rename(path.with_name("1.M4A"))
    assert main(["use", str(music)]) == 0
    assert settings()["audio"]["fallback"] == "ffmpeg"
    told = capsys.readouterr().out
    assert "tracks: 12" in told
    assert "files that need ffmpeg, which has to be installed: 6" in told
    assert main(["use", "demo"]) == 0
    assert settings()["audio"]["fallback"] == "none"


def test_too_few_artists_are_told(music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(music / "Folk/Folk band 2")
    assert main(["use", str(music)]) == 0
    assert corpus()[-1] == "random"
    assert "not artist: " in (printed := capsys.readouterr().out)
    assert "expected 3 artists or more of every genre" in printed


def test_the_demo_takes_both_decoders_back(music: Path) -> None:
    Path("params.yaml").write_text(PARAMS.replace("decoder: soundfile", "decoder: mpg123"), encoding="utf-8")
    (music / "Folk/Folk band 0/3.m4a").touch()
    assert main(["use", str(music)]) == 0
    assert [settings()["audio"][key] for key in ("decoder", "fallback")] == ["mpg123", "ffmpeg"]
    assert main(["use", "demo"]) == 0
    assert Path("params.yaml").read_text(encoding="utf-8") == PARAMS


@pytest.mark.parametrize("split", [True, False])
def test_a_table(music: Path, split: bool) -> None:
    rows = ["path,genre,artist,split" if split else "path,genre,artist"]
    for n, path in enumerate(FILES):
        genre, artist, _ = path.split("/")
        rows.append(",".join([path, genre, artist, ["train", "val", "test"][n // 2 % 3]][: 4 if split else 3]))
    (music / "tracks.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert main(["use", str(music)]) == 0
    assert corpus() == ("my_music", str(music), "table", False, "official" if split else "artist")


def test_tracks_without_a_genre_are_counted(music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{path},{'' if path.endswith('0/1.wav') else path.split('/')[0]},{path.split('/')[1]}" for path in FILES]
    (music / "tracks.csv").write_text("\n".join(["path,genre,artist", *rows, ""]), encoding="utf-8")
    assert main(["use", str(music)]) == 0
    told = "  genres: 2 (Dance 5, Folk 5)\n  tracks: 10\n  tracks left out: 2 no genre\n  artists: 6\n"
    assert told in capsys.readouterr().out


@pytest.mark.parametrize("how", ["tables beside it", "audio folder", "name and root"])
def test_the_layout_of_fma(mini_root: Path, how: str, capsys: pytest.CaptureFixture[str]) -> None:
    ways = {"tables beside it": [str(mini_root)], "audio folder": [str(mini_root / NAME)]}
    assert main(["use", *ways.get(how, [NAME, "--root", str(mini_root)])]) == 0
    assert corpus() == (NAME, str(mini_root), "fma", False, "official")
    assert "FMA's layout\n  genres: 8" in capsys.readouterr().out
    train = settings()["train"]
    assert (train["batch_size"], train["epochs"], train["patience"]) == (32, 30, 8)
    assert settings()["robustness"]["tracks"] == 300


def test_what_its_owner_set_stays_for_fma_too(mini_root: Path) -> None:
    Path("params.yaml").write_text(PARAMS.replace("epochs: 16 #", "epochs: 3 #", 1), encoding="utf-8")
    assert settings()["train"]["epochs"] == 3
    assert main(["use", str(mini_root)]) == 0
    train = settings()["train"]
    assert (train["batch_size"], train["epochs"], train["patience"]) == (32, 3, 8)


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_fma_to_download_and_back(tmp_path: Path, size: str) -> None:
    assert main(["use", f"fma_{size}", "--root", str(tmp_path), "--download"]) == 0
    assert corpus() == (f"fma_{size}", str(tmp_path), "fma", True, "official")
    assert settings()["index"]["subset"] == size
    assert main(["use", "demo"]) == 0
    assert Path("params.yaml").read_text(encoding="utf-8") == PARAMS


def test_comments_and_the_owners_values_stay(project: Path, music: Path) -> None:
    text = PARAMS.replace("epochs: 16", "epochs: 5 # mine").replace(
        "  - official\n", "  - official # one\n  - random\n", 1
    )
    text = text.replace("genres: null", "genres: [Rock, Pop]").replace("lr: 0.001", "lr: 3e-4") + "# the end\n"
    (project / "params.yaml").write_text(text, encoding="utf-8")
    assert main(["use", str(music)]) == 0
    found = (project / "params.yaml").read_text(encoding="utf-8")
    assert found.endswith("# the end\n")
    assert "epochs: 5 # mine" in found
    assert "lr: 3e-4" in found
    assert settings()["index"]["genres"] is None  # those of another corpus
    kept = {line.partition("#")[2] for line in text.splitlines()} - {" one"}
    assert kept <= {line.partition("#")[2] for line in found.splitlines()}


def test_a_faulty_params_file_is_told_first(project: Path, music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "params.yaml").write_text(text := PARAMS.replace("  epochs:", "  epoch:", 1), encoding="utf-8")
    assert main(["use", str(music)]) == 2
    assert "params.yaml: 2 faults\n" in capsys.readouterr().err
    assert (project / "params.yaml").read_text(encoding="utf-8") == text


def _loose(music: Path) -> None:
    (music / "loose.mp3").touch()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shutil.rmtree, "expected a folder of music, or one of fma_small, .* found none at"),
        (_loose, "expected every file of music in a genre's folder, found 'loose.mp3' beside the folders"),
        (lambda music: shutil.rmtree(music / "Folk"), "for each of two genres or more, .*, found Dance in"),
    ],
    ids=["missing", "loose", "one"],
)
def test_a_wrong_folder_changes_nothing(
    music: Path, change: Callable[[Path], None], message: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(music)
    before = sorted(project.rglob("*"))
    assert main(["use", str(music)]) == 1
    assert re.search(message, capsys.readouterr().err)
    assert Path("params.yaml").read_text(encoding="utf-8") == PARAMS
    assert sorted(project.rglob("*")) == before


def test_fma_that_is_not_there_gets_the_message_of_fetch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["use", "fma_small", "--root", str(tmp_path)]) == 1
    printed = capsys.readouterr().err
    assert Path("params.yaml").read_text(encoding="utf-8") == PARAMS
    assert not Path("data").exists()
    with pytest.raises(DataError) as fetch:
        prepare_dataset(Dataset(name="fma_small", root=str(tmp_path)))
    assert printed.startswith(f"error: {fetch.value}\n".replace("data/raw/fma_small", str(tmp_path)))


def test_a_name_of_fma_alone_names_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["use", "fma_small"]) == 1
    assert "fma_small: expected --download, which downloads it, or --root DIR" in capsys.readouterr().err


def test_a_folder_of_corpora_names_them(mini_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "corpora").mkdir()
    (tmp_path / "corpora/mini").symlink_to(mini_root)
    assert main(["use", str(tmp_path / "corpora")]) == 1
    printed = capsys.readouterr().err
    assert f"found FMA's layout inside {tmp_path}/corpora/mini: name that folder\nfmagc use wrote nothing" in printed


def test_a_folder_with_a_root_is_one_too_many(music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["use", str(music), "--root", str(music.parent)]) == 1
    assert "leave --root out for a folder of your own music\n" in capsys.readouterr().err


def test_the_home_folder_is_expanded(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(music.parent))
    assert main(["use", "~/My music"]) == 0
    assert corpus()[1] == str(music)


def test_outside_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["use", "demo"]) == 1
    assert "expected a project's folder with params.yaml and dvc.yaml, found no params.yaml" in capsys.readouterr().err


def test_a_branch_of_its_own(committed: Path, music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["use", str(music), "--branch", "my-music"]) == 0
    printed = capsys.readouterr().out
    assert "results of another corpus: 3 files are out of this branch, and stay in the others\n" in printed
    assert "branch my-music: the settings below are committed\n" in printed
    assert git("branch", "--show-current") == "my-music"
    assert git("status", "--porcelain") == ""
    assert git("ls-files").split() == [".gitignore", "dvc.yaml", "params.yaml"]
    assert not (committed / "data/models").exists()
    git("switch", "-q", "main")
    assert (committed / "metrics/models/official/crnn.json").exists()
    assert (committed / "params.yaml").read_text(encoding="utf-8") == PARAMS


@pytest.mark.parametrize("name", ["params.yaml", "dvc.yaml", "metrics/new.json"])
def test_uncommitted_work_is_named(committed: Path, music: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with (committed / name).open("a", encoding="utf-8") as file:
        file.write("# work\n")
    before = (committed / "params.yaml").read_bytes()
    assert main(["use", str(music), "--branch", "my-music"]) == 1
    assert f"found changes in {name}: commit them" in capsys.readouterr().err
    assert git("branch", "--list").split() == ["*", "main"]
    assert (committed / "params.yaml").read_bytes() == before


def test_a_name_that_git_refuses_is_told(committed: Path, music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["use", str(music), "--branch", "my music"]) == 1
    assert "expected a name that git takes, without blanks, found 'my music'" in capsys.readouterr().err


def test_a_branch_that_is_there_is_refused(committed: Path, music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["use", str(music), "--branch", "main"]) == 1
    assert "found the branch main: name another" in capsys.readouterr().err


def test_results_of_another_protocol_are_to_go_first(
    committed: Path, music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["use", str(music)]) == 0
    assert "next:\n  git rm -rq metrics plots dvc.lock" in capsys.readouterr().out
    git("rm", "-rq", "metrics", "plots", "dvc.lock")
    assert main(["use", "demo"]) == 0
    assert "next:\n  git restore --staged --worktree metrics plots dvc.lock\n" in capsys.readouterr().out
    git("restore", "--staged", "--worktree", "metrics", "plots", "dvc.lock")
    assert git("status", "--porcelain") == ""
