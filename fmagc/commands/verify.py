"""Compare every byte of the caches with the digests that were taken when they were written."""

from pathlib import Path

from fmagc.cache.manifest import read_manifest
from fmagc.errors import DataError
from fmagc.paths import EMBEDDINGS, MELS, WAVES
from fmagc.runtime.entrypoint import log

__all__ = ["verify"]


def verify(folder: Path) -> None:
    """Read the caches of a folder whole, and print what was compared.

    Parameters
    ----------
    folder : Path
        The pipeline's folder ``data``.

    Raises
    ------
    DataError
        When a file is damaged or missing; it names all of them.
    """
    damage = []
    embeddings = sorted((folder / EMBEDDINGS.name).glob("*"))
    caches = {folder / WAVES.name: "decode", folder / MELS.name: "mel"}
    for cache, stage in (caches | {own: f"embed@{own.name}" for own in embeddings}).items():
        try:
            manifest = read_manifest(cache, stage=stage)
            n_bytes = manifest.verify_all()
        except DataError as error:
            damage.append(str(error))
            continue
        tracks = sum(shard.rows for shard in manifest.shards.values())
        log(
            f"{manifest.folder}: {tracks} tracks in {len(manifest.shards)} shards, {n_bytes / 1e9:.2f} GB read: every "
            "byte is as it was written"
        )
    if damage:
        raise DataError("\n".join(damage))
