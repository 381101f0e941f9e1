"""The cache as a mapping of tracks: what `fmagc.open_cache` returns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fmagc.cache.normalisation import Normalisation, read_normalisation
from fmagc.cache.reader import Cache
from fmagc.cache.requested_tracks import SET_COLUMN, SPLITS_FOLDER, read_splits, requested_tracks
from fmagc.errors import DataError, format_list, format_value
from fmagc.params.signal import Mel
from fmagc.paths import MELS, STATS, WAVES
from fmagc.tasks.task import labels_of

__all__ = ["CachedTrack", "FeatureCache"]

_STORED = {"waveform": (WAVES.name, "scale", "decode"), "mel": (MELS.name, "ref_db", "mel")}  # rows, column, stage


@dataclass(frozen=True, repr=False)
class CachedTrack:
    """One track of the cache; its samples and frames are read when they are asked for.

    Attributes
    ----------
    track_id : int
    path : str
        Of its file, below the folder ``raw`` of the cache's folder.
    genre, artist, title : str
    sets : dict of str to str
        ``train``, ``val`` or ``test`` by protocol, of those that do not leave the track out.
    seconds : float [s]
        Length of the waveform.
    flags : tuple of str
        What decoding noticed, such as ``silent`` or ``resampled``; the page of promises has all of them.

    Examples
    --------
    >>> import fmagc
    >>> cache = fmagc.open_cache("data")
    >>> track = cache[min(cache)]
    >>> y, sr = track.waveform()
    >>> S_db = track.log_mel()
    >>> len(y) / sr == track.seconds, len(S_db) == len(y) // cache.mel.hop_length
    (True, True)
    """

    track_id: int
    path: str
    genre: str
    artist: str
    title: str
    sets: Mapping[str, str]
    seconds: float
    flags: tuple[str, ...]
    _cache: "FeatureCache"

    def waveform(self) -> tuple[NDArray[np.float32], int]:
        """Read the waveform.

        Returns
        -------
        y : np.ndarray [shape=(n,), float32]
            Mono; full scale is 1.
        sr : int [Hz]

        Raises
        ------
        DataError
            When its bytes are not those that the stage decode wrote.
        """
        row = self._cache.reader("waveform")[self.track_id]
        y = row.read_verified(stage="decode") * np.float32(row.columns["scale"])
        return y, self._cache.sample_rate

    def log_mel(self) -> NDArray[np.float32]:
        """Read the log-mel spectrogram.

        Returns
        -------
        S_db : np.ndarray [shape=(frames, n_mels), float32, dB]
            Time first, relative to the maximum of the track, stored as float16. librosa's orientation is ``S_db.T``.

        Raises
        ------
        DataError
            When its bytes are not those that the stage mel wrote.
        """
        return self._cache.reader("mel")[self.track_id].read_verified(stage="mel").astype(np.float32)

    @property
    def ref_db(self) -> float:
        """Level of 0 dB, in dB: absolute power is ``10 ** ((S_db + ref_db) / 10)``."""
        return float(self._cache.reader("mel")[self.track_id].columns["ref_db"])

    def __repr__(self) -> str:
        return f"CachedTrack({self.track_id}: {self.genre}, {self.artist} - {self.title}, {self.seconds:.1f} s)"


class FeatureCache(Mapping[int, CachedTrack]):
    """The waveforms and spectrograms that the pipeline made, by track id: a mapping to `CachedTrack`.

    Opening compares structure and tables of all shards with their digests; a track's own bytes are compared whenever
    they are read whole, or all at once by `verify`.

    Parameters
    ----------
    folder : path-like
        The pipeline's folder ``data``, which holds ``index``, ``waves``, ``mels`` and ``stats``.

    Raises
    ------
    DataError
        When a part is missing or damaged.

    Examples
    --------
    >>> import fmagc
    >>> cache = fmagc.open_cache("data")
    >>> long = cache.tracks.query("seconds > 1")
    >>> longest = cache[long["seconds"].idxmax()]
    >>> longest.genre in cache.genres, sorted(longest.sets) == cache.protocols
    (True, True)
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        self.folder = Path(folder)
        if not (self.folder / WAVES.name).is_dir():
            raise DataError(
                f"{self.folder.resolve()}: expected the folder data of a finished run, found no folder {WAVES.name} in "
                "it: name the folder data of a project; if there is none yet, run `dvc repro` in the project, after "
                "`fmagc use FOLDER` for your own music"
            )
        self._readers: dict[str, Cache] = {}
        self.reader("waveform")

    def reader(self, view: str) -> Cache:
        """Return the rows of a view, ``waveform`` or ``mel``, by track; opened when first asked for."""
        if view not in _STORED:
            raise ValueError(f"view: expected {' or '.join(_STORED)}, found {format_value(view)}")
        if view not in self._readers:
            name, column, stage = _STORED[view]
            self._readers[view] = Cache(
                self.folder / name, name, columns=["digest", column], stage=stage, verify_rows=False
            )
        return self._readers[view]

    def verify(self, *views: str) -> int:
        """Read every byte of these views, both by default, from the disk, and compare them with their digests.

        Returns
        -------
        int
            The number of bytes.

        Raises
        ------
        DataError
            Naming every damaged file of the first view that has one.
        """
        return sum(self.reader(view).verify() for view in views or _STORED)

    @property
    def sample_rate(self) -> int:
        """Of all waveforms, in Hz."""
        return int(self.reader("waveform").params["audio"]["sample_rate"])

    @property
    def clip_samples(self) -> int:
        """Length of a clip of the run, in samples: no track is shorter."""
        return int(self.reader("waveform").params["clip"]["samples"])

    @property
    def mel(self) -> Mel:
        """The settings of the spectrograms."""
        return Mel.model_validate(self.reader("mel").params["mel"])

    @property
    def protocols(self) -> list[str]:
        """The protocols that have a split."""
        return list(self._splits)

    def split(self, protocol: str) -> pd.DataFrame:
        """Return the split of a protocol, a row for each requested track, its id the index; rejected ones included.

        ``genre``, ``artist_id`` and ``set``.

        Raises
        ------
        DataError
            When there is no such split.
        """
        if protocol not in self._splits:
            raise DataError(
                f"{self.folder / SPLITS_FOLDER}: expected a protocol of the run, {format_list(self.protocols)}, found "
                f"{format_value(protocol)}: name one of them, or add it to run.protocols in params.yaml and run "
                "`dvc repro`"
            )
        return self._splits[protocol].copy()

    def normalisation(self, protocol: str) -> dict[str, Normalisation]:
        """Read the z-scores of a protocol's training set, by view: ``waveform`` and ``mel``.

        Raises
        ------
        DataError
            When the stage stats has not made them.

        Examples
        --------
        >>> import fmagc
        >>> cache = fmagc.open_cache("data")
        >>> S_db = cache[min(cache)].log_mel()
        >>> cache.normalisation("official")["mel"].transform(S_db).shape == S_db.shape
        True
        """
        return read_normalisation(protocol, folder=self.folder / STATS.name)

    @cached_property
    def genres(self) -> list[str]:
        """The genres of all protocols together; labels are positions in the `genres` of a `ClipDataset`."""
        return sorted({genre for split in self._splits.values() for genre in labels_of(split).genres})

    @cached_property
    def tracks(self) -> pd.DataFrame:
        """One row for each track of the cache, in ascending order of ids, which are the index.

        ``genre``, of any protocol (several are separated by ``; ``), ``artist``, ``title``, ``seconds``, ``flags``, for
        each protocol a column ``set_<protocol>`` that holds ``train``, ``val`` or ``test``, or nothing where the
        protocol leaves the track out, and ``path``, of the file below the folder ``raw``. Flags are words.
        """
        lengths = pd.Series(self.reader("waveform").lengths, name="seconds") / self.sample_rate
        table = self._requested.join(lengths, how="inner")
        return table[["genre", "artist", "title", "seconds", "flags", *self._set_columns, "path"]]

    @cached_property
    def rejected(self) -> pd.DataFrame:
        """One row for each track that could not enter the cache, its id the index.

        ``reason``, ``detail``, then ``genre``, ``artist``, ``title``, sets and ``path`` as in `tracks`.
        """
        rejected = self._requested[self._requested["status"] == "rejected"]
        return rejected[["reason", "detail", "genre", "artist", "title", *self._set_columns, "path"]]

    @cached_property
    def _splits(self) -> dict[str, pd.DataFrame]:
        return read_splits(self.folder)

    @cached_property
    def _requested(self) -> pd.DataFrame:
        return requested_tracks(self.folder, self._splits)

    @property
    def _set_columns(self) -> list[str]:
        return [SET_COLUMN.format(protocol) for protocol in self.protocols]

    def __getitem__(self, track_id: int) -> CachedTrack:
        if track_id in self.rejected.index:
            why = self.rejected.loc[track_id]
            raise KeyError(f"track {track_id} was rejected: {why['reason']}: {why['detail']}")
        if track_id not in self.tracks.index:
            raise KeyError(f"track {format_value(track_id)} is not in {self.folder}: see .tracks for those that are")
        row: Any = self.tracks.loc[track_id]
        sets = {protocol: own for protocol in self.protocols if (own := row[SET_COLUMN.format(protocol)])}
        return CachedTrack(
            int(track_id), row["path"], row["genre"], row["artist"], row["title"], sets, float(row["seconds"]),
            tuple(row["flags"].split()), self,
        )  # fmt: skip

    def __iter__(self) -> Iterator[int]:
        return iter(self.tracks.index.tolist())

    def __len__(self) -> int:
        return len(self.tracks)

    def __reduce__(self) -> tuple[type["FeatureCache"], tuple[Path]]:
        return type(self), (self.folder.resolve(),)  # another process opens its own files

    def __repr__(self) -> str:
        hours = self.tracks["seconds"].sum() / 3600
        return (
            f"FeatureCache({str(self.folder)!r}: {len(self)} tracks of {len(self.genres)} genres, {hours:.2f} h at "
            f"{self.sample_rate} Hz, {len(self.rejected)} rejected; protocols: {', '.join(self.protocols)})"
        )
