"""Fill data/raw/<name> with the corpus (synthesise the demo, link or download any other), and list its files."""

import sys

from fmagc.corpus.data_home import prepare_dataset, scan_files
from fmagc.corpus.fma.complete import complete, how_to_complete
from fmagc.corpus.local.file_list import FileList
from fmagc.demo.write import write_demo
from fmagc.errors import format_bytes
from fmagc.params.corpus import DEMO, DOWNLOADS, Dataset
from fmagc.paths import MANIFEST
from fmagc.runtime.entrypoint import log, run_stage
from fmagc.runtime.files import write_record


def main() -> None:
    """Run the stage fetch."""
    dataset = Dataset.load("dataset")
    data_home = prepare_dataset(dataset)
    if dataset.name == DEMO:
        write_demo(data_home)
    manifest = scan_files(data_home, dataset.name, layout=dataset.layout)
    if dataset.download:
        written = complete(data_home, dataset, manifest["files"])
        manifest = scan_files(data_home, dataset.name, known=manifest["files"] | written) if written else manifest
    write_record(MANIFEST, manifest)
    files = manifest["files"].values()
    size, missing = sum(entry["bytes"] for entry in files), len(manifest["missing"])
    damaged = sum(entry["sha1"] != entry.get("listed_sha1", entry["sha1"]) for entry in files)
    log(f"{data_home}: {len(files)} files, {format_bytes(size)}, {missing} missing, {damaged} unlike their checksums")
    if missing + damaged and dataset.name in DOWNLOADS:
        log(f"to complete it, {how_to_complete(data_home, dataset.name)}")
    for text in FileList([], manifest["ignored"], manifest["skipped"]).describe():
        log(text)


if __name__ == "__main__":
    sys.exit(run_stage(main))
