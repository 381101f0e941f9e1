"""Put the corpus on its shelf (synthesise the demo, link any other) and write down what lies there."""

import sys

from fmagc.console import run
from fmagc.corpus.layout import MANIFEST
from fmagc.corpus.shelf import put_on_shelf, survey
from fmagc.files import write_json
from fmagc.params.corpus import Dataset


def main() -> None:
    """Fetch."""
    dataset = Dataset.load("dataset")
    shelf = put_on_shelf(dataset)
    manifest = survey(shelf, dataset.name, layout=dataset.layout)
    write_json(MANIFEST, manifest)
    size = sum(entry["bytes"] for entry in manifest["files"].values())
    print(f"{shelf}: {len(manifest['files'])} files, {size / 1e6:.0f} MB, {len(manifest['missing'])} missing")
    if manifest["ignored"]:
        print("passed over: " + ", ".join(f"{count} {kind}" for kind, count in manifest["ignored"].items()))


if __name__ == "__main__":
    sys.exit(run(main))
