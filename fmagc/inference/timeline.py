"""A network's verdict on one track from second to second."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from fmagc.cache.clip_positions import clip_table
from fmagc.corpus.index import read_split
from fmagc.dataset.clips import fixed_batches
from fmagc.devices.device import prepare
from fmagc.evaluation.predictions import genres_of
from fmagc.inference.forward import probabilities
from fmagc.inference.predict_tracks import open_loader
from fmagc.models.pretrained import load_trained
from fmagc.params.run import Run
from fmagc.params.signal import Audio
from fmagc.paths import training_folder

__all__ = ["Passage", "least_settled", "over_time"]

STEP_S = 0.5  # between clips, about


@dataclass(frozen=True)
class Passage:
    """Probabilities `p` (N, K) of clips of `clip_s` that begin at `starts` (N,) in a track of `track_s`, in seconds."""

    p: npt.NDArray[np.float64]
    starts: npt.NDArray[np.float64]
    clip_s: float
    track_s: float


def least_settled(predictions: pd.DataFrame) -> int:
    """Name the test track of whose clips a network's probabilities differ most; of equals, the first."""
    test = predictions[predictions["set"] == "test"]
    columns = [f"p_{genre}" for genre in genres_of(test)]
    spread = test.groupby(["track_id", "seed"])[columns].std(ddof=0).sum(axis=1).groupby("track_id").mean()
    return int(spread.index.to_numpy(dtype=np.int64)[spread.to_numpy().argmax()])


def over_time(track_id: int, *, protocol: str, model: str, whole_run: Run) -> Passage:
    """Let the first training of a network judge clips all along a test track."""
    seed = whole_run.seeds[0]
    folder = training_folder(protocol, model, seed)
    network, card = load_trained(folder, stage=f"train@{protocol}-{model}-{seed}")
    loader = open_loader(card)
    split = read_split(protocol)
    tracks = loader.tracks(split[split["set"] == "test"], genres=card["genres"])
    track = tracks[tracks["track_id"] == track_id]
    frame_s = loader.mel.hop_length / Audio.load("audio").sample_rate
    room = int(track["n_frames"].iloc[0]) - loader.clip_frames
    clips = clip_table(track, clip_frames=loader.clip_frames, n_clips=2 + int(room * frame_s / STEP_S))
    clips = clips.drop_duplicates("start")
    hardware = prepare(card["precision"], threads=whole_run.threads, seed=seed)
    batches = fixed_batches(loader, clips, batch_size=card["train"]["batch_size"])
    with tqdm(total=len(clips), unit="clip", desc=f"track {track_id}") as bar:
        p = probabilities(network, batches, hardware=hardware, progress=bar)
    return Passage(
        p,
        starts=clips["start"].to_numpy() * frame_s,
        clip_s=loader.clip_frames * frame_s,
        track_s=(room + loader.clip_frames) * frame_s,
    )
