"""Measure the training set of one protocol: mean and spread of the waveform and of every mel band."""

import argparse
import sys

from fmagc.cache.clip_positions import with_labels
from fmagc.cache.ledger import require_in_ledger
from fmagc.cache.normalisation import measure
from fmagc.cache.reader import Cache
from fmagc.corpus.index import read_split
from fmagc.errors import format_list
from fmagc.paths import LEDGER, MELS, SPLITS, STATS, WAVES
from fmagc.runtime.entrypoint import run_stage
from fmagc.runtime.files import write_record
from fmagc.tasks.task import labels_of


def main() -> None:
    """Run the stage stats."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    protocol = parser.parse_args().protocol
    split = read_split(protocol)
    require_in_ledger(WAVES, split, where=SPLITS / f"{protocol}.csv")
    waves = Cache(WAVES, "waves", stage="decode")
    mels = Cache(MELS, "mels", stage="mel")
    labels = labels_of(split)
    usable = with_labels(split, mels.lengths, labels=labels)  # before anything is trained: no genre may have been lost
    found = measure(waves, mels, split.loc[split["set"] == "train", "track_id"].tolist())
    write_record(STATS / f"{protocol}.json", found)
    flat = found["mel"]["without_spread"]
    print(f"{found['tracks']} training tracks; mel bands without spread (scale 1): {flat or 'none'}")
    listed, decoded = (labels.crosstab(rows, "set").loc["train"] for rows in (split, usable))
    lost = [genre for genre in labels.genres if listed[genre] and not decoded[genre]]
    if lost:
        print(f"no training track of {format_list(lost)} could be decoded, see {WAVES / LEDGER}: nothing can learn it")


if __name__ == "__main__":
    sys.exit(run_stage(main))
