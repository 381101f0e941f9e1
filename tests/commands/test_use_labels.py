"""`fmagc use --labels`: the genres of a track, one or several, by which the corpus is looked at."""

from pathlib import Path

import pytest

from fmagc.cli import main
from tests.support.dag import ROOT
from tests.support.mini_corpus import NAME
from tests.support.settings_project import FILES, git, settings

pytestmark = pytest.mark.usefixtures("project")

PARAMS = (ROOT / "params.yaml").read_text(encoding="utf-8")
ADVICE = "where ; separates the genres of a track, set index.labels to multi (`fmagc use --labels multi`)"


def write_table(music: Path, *, every: int) -> None:
    """Write a table in which one track out of `every` of Folk, the first of each artist, has a second genre."""
    rows = ["path,genre,artist"]
    for n, path in enumerate(FILES):
        genre, artist, _ = path.split("/")
        rows.append(f"{path},{genre}{'; Punk' if genre == 'Folk' and n % every == 0 else ''},{artist}")
    (music / "tracks.csv").write_text("\n".join([*rows, ""]), encoding="utf-8")


def set_labels(labels: str) -> None:
    text = PARAMS.replace("labels: single", f"labels: {labels}")
    assert (text == PARAMS) == (labels == "single")
    Path("params.yaml").write_text(text, encoding="utf-8")


def test_a_branch_for_several_genres_a_track(committed: Path, music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_table(music, every=4)
    assert main(["use", str(music), "--labels", "multi", "--branch", "my-music"]) == 0
    printed = capsys.readouterr().out
    assert "  genres: 3 (Dance 6, Folk 6, Punk 1)\n  tracks: 12\n" in printed
    assert "  protocol: artist, no artist is in two sets\n  labels: multi, several genres a track\n" in printed
    assert '  index.labels: "single" -> "multi"\n' in printed
    assert "next:\n  if wanted, index.min_tracks in params.yaml (now 1)" in printed
    assert "separates" not in printed
    assert git("status", "--porcelain") == ""
    assert settings()["index"]["labels"] == "multi"
    git("switch", "-q", "main")
    assert (committed / "params.yaml").read_text(encoding="utf-8") == PARAMS


def test_tracks_of_one_genre_each_are_told(music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (music / "tracks.csv").write_text(
        "\n".join(["path,genre", *(f'{path},"{path.split("/")[0]}, Live"' for path in FILES), ""]), encoding="utf-8"
    )
    assert main(["use", str(music), "--labels", "multi"]) == 0
    assert "  no track has two genres, which a ; would separate\n" in capsys.readouterr().out


def test_several_genres_taken_for_rare_ones_are_refused_with_the_option(
    music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(music, every=4)
    assert main(["use", str(music)]) == 1
    printed = capsys.readouterr().err
    assert (
        f"found Folk; Punk has 1: add tracks, or leave the genre out (index.genres names those to keep); {ADVICE}\n"
        in printed
    )
    assert Path("params.yaml").read_text(encoding="utf-8") == PARAMS


@pytest.mark.parametrize("n_artists", [3, 2])
def test_several_genres_taken_for_one_are_told_once(
    music: Path, n_artists: int, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(music, every=2)
    if n_artists == 2:  # artist is then refused, with the advice in its message
        text = (music / "tracks.csv").read_text(encoding="utf-8")
        (music / "tracks.csv").write_text(text.replace("Folk band 2\n", "Folk band 1\n"), encoding="utf-8")
    assert main(["use", str(music)]) == 0
    printed = capsys.readouterr().out
    assert "  genres: 3 (Dance 6, Folk 3, Folk; Punk 3)\n" in printed
    assert printed.count(ADVICE) == 1
    assert settings()["compare"]["protocol"] == ("artist" if n_artists == 3 else "random")
    assert "  labels: single, one genre for each track\n" in printed
    assert "index.min_tracks" not in printed


@pytest.mark.parametrize("before", ["single", "multi"])
def test_the_value_of_today_stays_without_the_option(
    music: Path, before: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_labels(before)
    assert main(["use", str(music)]) == 0
    assert settings()["index"]["labels"] == before
    assert f"  labels: {before}, " in capsys.readouterr().out


def test_the_option_goes_before_the_value_of_today(music: Path) -> None:
    write_table(music, every=2)
    set_labels("multi")
    assert main(["use", str(music), "--labels", "single"]) == 0
    assert settings()["index"]["labels"] == "single"


def test_the_demo_has_one_genre_a_track_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["use", "demo", "--labels", "multi"]) == 0
    assert settings()["index"]["labels"] == "multi"
    assert "labels: multi" in capsys.readouterr().out
    assert main(["use", "demo"]) == 0
    assert Path("params.yaml").read_text(encoding="utf-8") == PARAMS


def test_fma_is_looked_at_by_the_option_and_the_chosen_genres(
    mini_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("params.yaml").write_text(PARAMS.replace("genres: null", "genres: [Rock, Folk]"), encoding="utf-8")
    assert main(["use", NAME, "--root", str(mini_root), "--labels", "multi"]) == 0
    printed = capsys.readouterr().out
    assert "FMA's layout\n  genres: 2 (Folk " in printed
    assert " no chosen genre\n" in printed
    assert [settings()["index"][key] for key in ("labels", "genres")] == ["multi", ["Rock", "Folk"]]


def test_fma_to_download_has_several_genres_a_track(tmp_path: Path) -> None:
    assert main(["use", "fma_large", "--root", str(tmp_path), "--download", "--labels", "multi"]) == 0
    assert [settings()["index"][key] for key in ("labels", "subset")] == ["multi", "large"]
