"""Choose the tracks of the subset, split them under every protocol, and audit the splits."""

import sys
from functools import partial

from fmagc.corpus.audit import audit, describe_audit
from fmagc.corpus.fma.layout import METADATA
from fmagc.corpus.index import write_index
from fmagc.corpus.left_out import count_reasons
from fmagc.corpus.local.tracks import check_protocols
from fmagc.corpus.selection import name_table, select_tracks, split_table
from fmagc.params.corpus import Index
from fmagc.params.run import Run
from fmagc.paths import AUDIT, MANIFEST, RAW
from fmagc.runtime.entrypoint import run_stage
from fmagc.runtime.files import read_record, write_record
from fmagc.tasks.task import labels_of


def main() -> None:
    """Run the stage index."""
    settings, protocols = Index.load("index"), list[str](Run.load("run").protocols)
    manifest = read_record(MANIFEST, stage="fetch", cached=False)
    chosen = select_tracks(RAW, manifest, subset=settings.subset, genres=settings.genres, labels=settings.labels)
    tracks, left_out = chosen.tracks, chosen.left_out
    where = METADATA[0]
    if manifest["layout"] != "fma":
        where = str(RAW / manifest["dataset"])
        check_protocols(tracks, protocols, where=where, min_tracks=settings.min_tracks)
    split = partial(split_table, tracks, seed=settings.seed, min_tracks=settings.min_tracks, where=where)
    splits = {protocol: split(protocol) for protocol in protocols}
    sha1 = chosen.files.set_index("track_id")["sha1"]
    audits = {protocol: audit(table, tracks, sha1=sha1) for protocol, table in splits.items()}
    genres = chosen.tree.table({genre for table in splits.values() for genre in labels_of(table).genres})
    write_index(chosen.files, name_table(tracks), splits, genres=genres, left_out=left_out)
    counted = count_reasons(left_out["reason"])
    print(f"{len(tracks)} tracks, {len(left_out)} left out{f' ({counted})' if counted else ''}")
    for protocol, found in audits.items():
        print(*describe_audit(protocol, found), sep="\n")
    write_record(AUDIT, audits)


if __name__ == "__main__":
    sys.exit(run_stage(main))
