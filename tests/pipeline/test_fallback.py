"""GTZAN's layout, a library of M4A and a mixed folder, from `fmagc use` to statistics and predictions, with ffmpeg."""

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from ruamel.yaml import YAML

from fmagc.params.signal import Mel
from tests.support.dag import ROOT
from tests.support.small_project import Small
from tests.support.trained_model import write_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="needs ffmpeg and ffprobe"),
]

SR, SECONDS = 44_100, 2.5
MEL = Mel(n_fft=1024, hop_length=512, n_mels=32, fmin=0.0, fmax=None, top_db=80.0)
AAC = ("-c:a", "aac", "-movflags", "+faststart")
# by the end of a name: how ffmpeg writes it, and whether libsndfile leaves it to the fallback
FORMATS: dict[str, tuple[Sequence[str], bool]] = {
    "mp3": ((), False),
    "flac": ((), False),
    "ogg": (("-c:a", "libvorbis"), False),
    "opus": (("-c:a", "libopus"), False),
    "au": ((), False),
    "m4a": (AAC, True),
    "alac.m4a": (("-c:a", "alac"), True),
    "wma": ((), True),
    "wv": ((), True),
    "aac": (("-f", "adts"), True),
    "oga": (("-c:a", "flac"), True),
    "ac3.wav": (("-c:a", "ac3"), True),
}


def write_song(path: Path, number: int) -> None:
    """Write a song of its own level and hiss in the format of its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.name.split(".", 1)[1]
    options, _ = FORMATS[name] if name in FORMATS else FORMATS[path.suffix[1:]]
    t = np.arange(round(SECONDS * SR)) / SR
    noise = np.random.default_rng(number).standard_normal((len(t), 2))
    y = (0.2 + 0.02 * number) * np.sin(2 * np.pi * (200 + 40 * number) * t)[:, None] + 0.05 * noise
    source = path.with_name("source")
    soundfile.write(source, y.clip(-1, 1), SR, format="WAV")
    command = ["ffmpeg", "-v", "error", "-i", source, "-metadata", "comment=Audio: pcm, 8000 Hz, mono", *options]
    subprocess.run([*command, f"file:{path}"], check=True)
    source.unlink()


def gtzan(home: Path) -> dict[str, str]:
    """Write a folder for each genre, no artists, and the one file of GTZAN that is known to be damaged."""
    for number in range(12):
        genre = ("blues", "jazz")[number % 2]
        write_song(home / genre / f"{genre}.{number:05d}.au", number)
    (home / "jazz/jazz.00054.au").write_bytes(b"\0\0garbled" * 999)
    return {"jazz.00054.au": "not_audio"}


def m4a_library(home: Path) -> dict[str, str]:
    """Write albums of AAC and ALAC, of which a download is cut."""
    for number in range(12):
        place = home / ("Folk", "Rock")[number % 2] / f"Artist {number % 6}" / "Album"
        write_song(place / f"{number:02d} song.{('m4a', 'alac.m4a')[number % 3 == 0]}", number)
    cut = home / "Folk/Artist 0/Album/13 cut.m4a"
    write_song(cut, 13)
    cut.write_bytes(cut.read_bytes()[:-8000])
    return {cut.name: "truncated"}


def mixed(home: Path) -> dict[str, str]:
    """Write a song in each format for every genre."""
    for number, name in enumerate(name for name in FORMATS for _ in range(2)):
        write_song(home / ("Folk", "Rock")[number % 2] / f"Artist {number // 4}" / f"{number:02d}.{name}", number)
    return {}


@pytest.mark.parametrize("write", [gtzan, m4a_library, mixed])
def test_the_pipeline_and_predict(tmp_path: Path, write: Callable[[Path], dict[str, str]]) -> None:
    home, root = tmp_path / "shelf", tmp_path / "project"
    root.mkdir()
    refused = write(home)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copyfile(ROOT / name, root / name)
    project = Small(root)
    used = project.run("fmagc", "use", str(home))
    assert used.status == 0, used
    settings = YAML(typ="safe").load(root / "params.yaml")
    assert settings["audio"]["fallback"] == ("none" if write is gtzan else "ffmpeg")
    project.change("audio", fallback="ffmpeg", ids_per_shard=10**6, max_seconds=2.0, max_reject_fraction=0.3)
    project.change("clip", samples=2**15)
    project.change("mel", **MEL.model_dump())
    [protocol] = settings["run"]["protocols"]
    project.made("fetch", "index", "decode", "mel", f"stats {protocol}")

    ledger = pd.read_csv(root / "data/waves/ledger.csv", keep_default_na=False)
    names = ledger["path"].str.rpartition("/")[2]
    assert dict(zip(names[ledger["reason"] != ""], ledger["reason"][ledger["reason"] != ""], strict=True)) == refused
    accepted = ledger[ledger["reason"] == ""]
    for path, flags, decoder in zip(accepted["path"], accepted["flags"], accepted["decoder"], strict=True):
        name = path.rpartition("/")[2].split(".", 1)[1]
        _, by_ffmpeg = FORMATS[name] if name in FORMATS else FORMATS[name.rpartition(".")[2]]
        assert ("fallback" in flags, decoder.startswith("ffmpeg")) == (by_ffmpeg, by_ffmpeg), path
    statistics = json.loads((root / f"data/stats/{protocol}.json").read_text(encoding="utf-8"))
    assert np.isfinite(statistics["mel"]["mean_"]).all()

    write_model(root / "model", "cnn1d", genres=["Folk", "Rock"], clip_samples=2**15, sample_rate=SR, mel=MEL)
    predicted = project.run("fmagc", "predict", str(home), "--model", "model", "--fallback", "ffmpeg", "--json")
    answers = json.loads(predicted.out)
    assert predicted.status == (1 if refused else 0), predicted
    assert {Path(answer["path"]).name: answer["reason"] for answer in answers if answer.get("reason")} == refused
    assert len(answers) == len(ledger)
