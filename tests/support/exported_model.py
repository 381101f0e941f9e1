"""Small trained models and their exported files, with probabilities that depend on the music."""

from pathlib import Path

import numpy as np
import soundfile
from torch import nn

from fmagc.models.pretrained import load_trained
from fmagc.models.safetensors_io import pack
from fmagc.params.signal import Mel
from fmagc.paths import CARD, WEIGHTS
from fmagc.runtime.files import digest, write_record
from fmagc.tasks.task import TaskName
from tests.support.audio_files import mp3, music
from tests.support.trained_model import write_model

SR = 44_100
CLIP = 2**16
MEL = Mel(n_fft=4096, hop_length=1024, n_mels=32, fmin=0.0, fmax=None, top_db=80.0)
GENRES = ["Folk", "Jazz", "Rock"]
SHARPER = 30.0  # the last layer: that of a network which nobody trained gives all genres the same probability


def write_sharp_model(folder: Path, name: str, task: TaskName = "single") -> Path:
    """Write a model that knows music of at most three seconds; return its folder."""
    write_model(folder, name, genres=GENRES, clip_samples=CLIP, sample_rate=SR, mel=MEL, task=task)
    network, card = load_trained(folder, stage="train")
    *_, last = (module for module in network.modules() if isinstance(module, nn.Linear))
    last.weight.data *= SHARPER
    data = pack(network.state_dict())
    (folder / WEIGHTS).write_bytes(data)
    write_record(folder / CARD, card | {"weights": digest(data)})
    return folder


def write_songs(folder: Path) -> list[Path]:
    """Write what a model must predict alike in every form: MP3, other rates, a clip alone, extremes, a long file."""
    folder.mkdir()
    t = np.arange(2 * SR) / SR
    (folder / "stereo.mp3").write_bytes(mp3(music(2 * SR)))
    for name, y, sr in (
        ("48k.wav", music(2 * 48_000, sr=48_000), 48_000),
        ("22k.wav", music(5 * 11_025, sr=22_050), 22_050),
        ("clip.wav", music(CLIP), SR),
        ("silence.wav", np.zeros(2 * SR), SR),
        ("tone.wav", np.sin(2 * np.pi * 997 * t), SR),
        ("long.wav", music(7 * SR + 77), SR),
    ):
        soundfile.write(folder / name, y, sr, subtype="FLOAT")
    return sorted(folder.iterdir())
