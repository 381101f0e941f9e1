"""Prepare a dataset root, check its layout, and list its files with their checksums."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fmagc.corpus.fma.archives import CHECKSUMS, parse_checksums
from fmagc.corpus.fma.complete import how_to_complete
from fmagc.corpus.fma.layout import METADATA
from fmagc.corpus.local.dataset import local_files
from fmagc.corpus.local.file_list import FileList
from fmagc.corpus.local.file_names import walk
from fmagc.errors import DataError
from fmagc.params.corpus import DEMO, DOWNLOADS, Dataset
from fmagc.paths import RAW
from fmagc.runtime.files import file_sha1
from fmagc.runtime.worker_pool import usable_cores

__all__ = ["list_files", "prepare_dataset", "require_layout", "require_root", "scan_files"]


def prepare_dataset(dataset: Dataset) -> Path:
    """Make data/raw/<name> the root of a dataset: a link to `dataset.root`, or a folder to download or synthesise into.

    Returns
    -------
    Path
        The folder that holds `<name>/` and `fma_metadata/`, or the folder of a dataset of your own.

    Raises
    ------
    DataError
        When a folder, or a table of FMA's layout, is not there.
    """
    data_home = RAW / dataset.name
    RAW.mkdir(parents=True, exist_ok=True)
    if dataset.name == DEMO:
        if dataset.root is not None or data_home.is_symlink():
            raise DataError(f"{data_home}: expected the demo's own folder, found a link or dataset.root: remove it")
        data_home.mkdir(exist_ok=True)
        return data_home
    if dataset.root is not None:
        require_root(dataset)
        data_home.unlink(missing_ok=True)
        data_home.symlink_to(Path(dataset.root).resolve())
    if dataset.download:
        data_home.mkdir(exist_ok=True)
    else:
        require_layout(data_home, dataset)
    return data_home


def require_root(dataset: Dataset) -> None:
    """Raise DataError unless `dataset.root` is a folder and data/raw/<name> is a link or does not exist yet."""
    data_home, target = RAW / dataset.name, Path(dataset.root or "").resolve()
    if not target.is_dir():
        found = "a file" if target.exists() else "none"
        raise DataError(f"dataset.root in params.yaml: expected a folder, found {found} at {target}: correct it")
    if data_home.exists() and not data_home.is_symlink():
        raise DataError(f"{data_home}: expected a link to dataset.root, found a folder: move it away and run again")


def require_layout(data_home: Path, dataset: Dataset) -> None:
    """Raise DataError unless the folder of a dataset is there, in FMA's layout with the audio folder and tables."""
    if dataset.layout != "fma":
        if not data_home.is_dir():
            raise DataError(
                f"{data_home}: expected a folder, found none: set dataset.root in params.yaml to your dataset's folder"
            )
        return
    missing = [] if (data_home / dataset.name).is_dir() else [dataset.name]
    missing += [path for path in METADATA if not (data_home / path).is_file()]
    if missing:
        holding = f"the folder that holds {dataset.name}/ and fma_metadata/"
        there = f"put them there, or set dataset.root in params.yaml to {holding}"
        own = "for a dataset of your own, set dataset.layout to folders or table"
        advice = f"{there}; {f'or {how_to_complete(data_home, dataset.name)}' if dataset.name in DOWNLOADS else own}"
        raise DataError(f"{data_home}: expected FMA's layout, found no {', no '.join(missing)}: {advice}")


def scan_files(
    data_home: Path, name: str, *, layout: str = "fma", known: Mapping[str, dict[str, Any]] | None = None
) -> dict[str, Any]:
    """List the files of a dataset.

    Parameters
    ----------
    data_home : Path
    name : str
        Of the audio folder.
    layout : str
        As `params.corpus.Dataset`.
    known : mapping, optional
        Entries of files that were read a moment ago: they are not read again.

    Returns
    -------
    dict
        ``dataset``, ``layout``; ``files``: path below the root -> ``bytes``, ``sha1`` and, where the corpus's own list
        of checksums has the file, ``listed_sha1``; ``missing``: the files that this list has and the folder has not;
        ``ignored`` and ``skipped``: what was passed over, as `corpus.local.file_list.FileList`.

    Raises
    ------
    DataError
        When a dataset of your own is not laid out as it should be.
    """
    known = known or {}
    listed = _checksums(data_home / name) if layout == "fma" else {}
    found = list_files(data_home, name, layout=layout)
    # SHA-1 releases the interpreter lock: threads use both the cores and the disk
    with ThreadPoolExecutor(usable_cores()) as pool:
        entries = list(
            tqdm(
                pool.map(lambda path: known.get(path) or _entry(data_home / path), found.paths),
                total=len(found.paths),
                unit="file",
                desc="checksums",
            )
        )
    files = dict(zip(found.paths, entries, strict=True))
    for path in files.keys() & listed.keys():
        files[path]["listed_sha1"] = listed[path]
    missing = sorted(listed.keys() - files.keys())
    return {
        "dataset": name,
        "layout": layout,
        "files": files,
        "missing": missing,
        "ignored": dict(found.ignored),
        "skipped": dict(found.skipped),
    }


def list_files(data_home: Path, name: str, *, layout: str) -> FileList:
    """List the files of a dataset, tables first, and what is passed over.

    Raises
    ------
    DataError
        As `corpus.local.dataset.local_files` does.
    """
    if layout == "fma":
        return FileList(
            [*METADATA, *sorted(path.relative_to(data_home).as_posix() for path in _mp3s(data_home / name))]
        )
    return local_files(data_home, layout=layout)


def _mp3s(folder: Path) -> Iterator[Path]:
    """Find the MP3s of a corpus, also behind linked folders; a name that is no UTF-8 cannot be a track's."""
    for place, folders, files in walk(folder):
        names = [name for name in [*files, *folders] if name.endswith(".mp3")]
        yield from (Path(place, name) for name in names if name.isprintable() and name.isascii())


def _entry(path: Path) -> dict[str, Any]:
    """Describe one file; what is no regular or readable file is listed too, for the ledger to name."""
    try:
        if path.is_file():
            return {"bytes": path.stat().st_size, "sha1": file_sha1(path)}
    except OSError:
        pass
    return {"bytes": 0, "sha1": ""}


def _checksums(folder: Path) -> dict[str, str]:
    """Read FMA's list of the clips, if the corpus has one."""
    path = folder / CHECKSUMS
    if not path.exists():
        return {}
    listed = parse_checksums(path.read_text(encoding="utf-8", errors="replace"))
    return {f"{folder.name}/{name}": sha1 for name, sha1 in listed.items() if name.endswith(".mp3")}
