"""Draw the data: a waveform and a spectrogram of each genre, class balance, rejected tracks."""

import sys

from fmagc.cache.ledger import counts, read_ledger, require_in_ledger
from fmagc.cache.reader import Cache
from fmagc.corpus.index import read_index, read_split
from fmagc.corpus.splits import SETS
from fmagc.params.run import Run
from fmagc.paths import CLEANING, DATA_FIGURES, MELS, SPLITS, WAVES
from fmagc.reporting.example_clips import read_examples
from fmagc.reporting.figures import data as figures
from fmagc.reporting.figures.style import save_figure
from fmagc.runtime.entrypoint import run_stage
from fmagc.runtime.files import write_record
from fmagc.tasks.task import labels_of


def main() -> None:
    """Run the stage explore."""
    ledger = read_ledger(WAVES, requested=read_index()["track_id"].tolist())
    cleaning = counts(ledger)
    save_figure(figures.rejected(cleaning["rejected"], requested=cleaning["requested"]), DATA_FIGURES / "rejected.png")
    accepted = ledger.loc[ledger["status"] == "accepted", "track_id"]
    listed = {protocol: read_split(protocol) for protocol in Run.load("run").protocols}
    for protocol, split in listed.items():
        require_in_ledger(WAVES, split, where=SPLITS / f"{protocol}.csv")
    splits = {protocol: split[split["track_id"].isin(accepted)] for protocol, split in listed.items()}
    sets = {protocol: {name: int((split["set"] == name).sum()) for name in SETS} for protocol, split in splits.items()}
    training = {
        protocol: labels_of(split).count(splits[protocol][splits[protocol]["set"] == "train"])
        for protocol, split in listed.items()
    }
    write_record(CLEANING, cleaning | {"accepted_by_set": sets, "training_by_genre": training})
    for protocol, split in splits.items():
        save_figure(figures.class_balance(split), DATA_FIGURES / f"classes_{protocol}.png")
    waves, mels = Cache(WAVES, "waves", columns=["scale"], stage="decode"), Cache(MELS, "mels", stage="mel")
    split = next(iter(splits.values()))  # any: the examples show genres, not sets
    examples = read_examples(split, waves=waves, mels=mels)
    mel, sr = mels.params["mel"], waves.params["audio"]["sample_rate"]
    axes = {"hop_length": mel["hop_length"], "fmin": mel["fmin"], "fmax": mel["fmax"] or sr / 2}
    save_figure(figures.waveform_grid(examples.waveforms, sr=sr), DATA_FIGURES / "waveforms.png")
    spectrograms = figures.spectrogram_grid(examples.spectrograms, sr=sr, **axes, top_db=mel["top_db"])
    save_figure(spectrograms, DATA_FIGURES / "spectrograms.png")
    print(f"{cleaning['accepted']} of {cleaning['requested']} tracks accepted; figures in {DATA_FIGURES}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
