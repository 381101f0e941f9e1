"""Draw the data of one protocol: a waveform and a spectrogram a genre, class balance, rejected tracks."""

import sys

import numpy as np
from numpy.typing import NDArray

from fmagc.cache.clip_positions import clip_table, with_labels
from fmagc.cache.ledger import counts, read_ledger
from fmagc.cache.reader import Cache
from fmagc.corpus.index import genres_of, read_index, read_split
from fmagc.corpus.splits import SETS
from fmagc.params.run import Run
from fmagc.params.signal import n_frames
from fmagc.paths import CLEANING, DATA_FIGURES, MELS, WAVES
from fmagc.reporting.figures import data as figures
from fmagc.reporting.figures.style import publish
from fmagc.runtime.entrypoint import run_stage
from fmagc.runtime.files import write_json


def main() -> None:
    """Explore."""
    ledger = read_ledger(WAVES, requested=read_index()["track_id"].tolist())
    cleaning = counts(ledger)
    publish(figures.rejected(cleaning["rejected"], requested=cleaning["requested"]), DATA_FIGURES / "rejected.png")
    accepted = ledger.loc[ledger["status"] == "accepted", "track_id"]
    splits = {}
    for protocol in Run.load("run").protocols:
        split = read_split(protocol)
        splits[protocol] = split[split["track_id"].isin(accepted)]
    sets = {protocol: {name: int((split["set"] == name).sum()) for name in SETS} for protocol, split in splits.items()}
    write_json(CLEANING, cleaning | {"accepted_by_set": sets})
    for protocol, split in splits.items():
        publish(figures.class_balance(split), DATA_FIGURES / f"classes_{protocol}.png")
    waves = Cache(WAVES, "waves", columns=["scale"], stage="decode")
    mels = Cache(MELS, "mels", stage="mel")
    audio, clip, mel = waves.params["audio"], waves.params["clip"], mels.params["mel"]
    hop_length = mel["hop_length"]
    frames = n_frames(clip["samples"], hop_length=hop_length)
    split = next(iter(splits.values()))  # any: the examples show genres, not sets
    training = with_labels(split[split["set"] == "train"], mels.lengths, genres=genres_of(split))
    shown = training.groupby("genre").head(1).sort_values("genre")  # the first training track of each genre
    examples = clip_table(shown, clip_frames=frames, n_clips=1)
    waveforms: dict[str, NDArray[np.float32]] = {}
    spectrograms: dict[str, NDArray[np.float32]] = {}
    for track_id, genre, start in examples[["track_id", "genre", "start"]].itertuples(index=False, name=None):
        wave = waves[track_id]
        samples = wave.values[start * hop_length : (start + frames) * hop_length]
        waveforms[genre] = samples * np.float32(wave.columns["scale"])
        spectrograms[genre] = mels[track_id].values[start : start + frames].T.astype(np.float32)
    sr, fmax = audio["sample_rate"], mel["fmax"] or audio["sample_rate"] / 2
    publish(figures.waveform_grid(waveforms, sr=sr), DATA_FIGURES / "waveforms.png")
    spectrogram = figures.spectrogram_grid(
        spectrograms, sr=sr, hop_length=hop_length, fmin=mel["fmin"], fmax=fmax, top_db=mel["top_db"]
    )
    publish(spectrogram, DATA_FIGURES / "spectrograms.png")
    print(f"{cleaning['accepted']} of {cleaning['requested']} tracks accepted; figures in {DATA_FIGURES}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
