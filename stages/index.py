"""Choose the tracks of the subset, split them under every protocol, and audit the splits."""

import sys

from fmagc.console import run
from fmagc.corpus.index import INDEX
from fmagc.corpus.layout import AUDIT, MANIFEST, RAW
from fmagc.corpus.selection import name_table, select_tracks, split_table
from fmagc.corpus.splits import audit
from fmagc.files import read_json, write_json, write_text
from fmagc.params.corpus import Index
from fmagc.params.run import Run


def main() -> None:
    """Index."""
    settings, protocols = Index.load("index"), Run.load("run").protocols
    files, tracks = select_tracks(RAW, read_json(MANIFEST, made_by="fetch"), subset=settings.subset)
    splits = {protocol: split_table(tracks, protocol, seed=settings.seed) for protocol in protocols}
    sha1 = files.set_index("track_id")["sha1"]
    audits = {protocol: audit(split, sha1) for protocol, split in splits.items()}
    write_text(INDEX / "tracks.csv", files.to_csv(index=False))
    write_text(INDEX / "names.csv", name_table(tracks).to_csv(index=False))
    for protocol, split in splits.items():
        write_text(INDEX / "splits" / f"{protocol}.csv", split.to_csv(index=False))
        found = audits[protocol]
        print(
            f"{protocol}: {found['tracks']} tracks, {len(found['genres'])} genres, "
            f"{found['artists_shared']} artists and {found['files_shared']} files in more than one set, "
            f"{found['test_share_with_artist_in_train']:.1%} of test tracks by artists in training"
        )
    write_json(AUDIT, audits)


if __name__ == "__main__":
    sys.exit(run(main))
