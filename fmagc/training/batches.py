"""Random, augmented clips of the training tracks: the batches of an epoch, the same for the same seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fmagc.audio.log_mel import LogMel
from fmagc.dataset.batch import Batch
from fmagc.dataset.clips import ClipLoader, naming_batch
from fmagc.devices.process_group import ALL, Share
from fmagc.params.signal import Mel
from fmagc.params.training import Augmentation
from fmagc.training.augment import ClipTransform, MelNoise, sample

__all__ = ["ClipDraw", "RandomBatches", "mel_noise"]


@dataclass(frozen=True)
class ClipDraw:
    """The clips of one batch as they were drawn, not read yet.

    Attributes
    ----------
    rows : np.ndarray [shape=(B,), int64]
        Of the table of tracks.
    starts : list of int [frames]
        Where the windows begin.
    transforms : list of ClipTransform or None
        None where a clip is not augmented.
    """

    rows: NDArray[np.intp]
    starts: list[int]
    transforms: list[ClipTransform | None]


class RandomBatches:
    """Draws random, augmented clips of every track, epoch by epoch, and loads them.

    An epoch is one round or several. A round is one clip of every track in random order, in batches as equal in size as
    can be, so that no clip is dropped and no small batch is left over. No batch holds two clips of one track.

    Parameters
    ----------
    tracks : pd.DataFrame
        As `ClipLoader.tracks` gives them.
    rounds : int > 0
        Clips of each track in an epoch.
    batch_size : int > 0
        At most.
    augment : sequence of Augmentation
        In the order in which they act.
    seed : int >= 0
        Of order, windows and augmentations, together with the number of the epoch.
    share : Share
        The part of each batch that this process loads. All processes draw the whole of it, so that the clips are the
        same however many processes there are.
    """

    def __init__(
        self,
        loader: ClipLoader,
        tracks: pd.DataFrame,
        *,
        rounds: int,
        batch_size: int,
        augment: Sequence[Augmentation],
        seed: int,
        share: Share = ALL,
    ) -> None:
        self._loader = loader
        self._rounds, self._augment = rounds, augment
        self._seed, self._share = seed, share
        self._noise = mel_noise(loader.mel, sr=loader.sample_rate)
        self._track_ids, self._labels, self._lengths = (
            tracks[column].to_numpy() for column in ("track_id", "label", "n_frames")
        )
        self._per_round = -(-len(tracks) // batch_size)

    def __len__(self) -> int:
        return self._rounds * self._per_round

    @property
    def smallest(self) -> int:
        """Clips of the smallest batch."""
        return len(self._track_ids) // self._per_round

    def n_clips(self, n_batches: int) -> int:
        """Count the clips of the first batches of an epoch."""
        rounds, rest = divmod(n_batches, self._per_round)
        return rounds * len(self._track_ids) + rest * self.smallest + min(rest, len(self._track_ids) % self._per_round)

    def epoch(self, epoch: int, *, skip: int = 0) -> Iterator[Batch]:
        """Load the batches of an epoch; the first `skip` of them are drawn and not read."""
        for number, drawn in enumerate(self.draw(epoch), start=1):
            if number > skip:
                own = self._share.shard_batch(np.arange(len(drawn.rows)))
                rows = drawn.rows[own]
                track_ids = self._track_ids[rows].tolist()
                with naming_batch(f"epoch {epoch}, batch {number}", track_ids):
                    batch = self._loader.load(
                        track_ids,
                        target=self._labels[rows],
                        starts=[drawn.starts[n] for n in own],
                        transforms=[drawn.transforms[n] for n in own],
                    )
                yield batch

    def draw(self, epoch: int) -> Iterator[ClipDraw]:
        """Draw the batches of an epoch without reading a clip."""
        rng = np.random.default_rng([self._seed, epoch])
        for _ in range(self._rounds):
            order = rng.permutation(len(self._track_ids))
            for rows in np.array_split(order, self._per_round):
                yield self.draw_clips(rows, rng)

    def draw_clips(self, rows: NDArray[np.intp], rng: np.random.Generator) -> ClipDraw:
        """Draw a window and augmentations of each of these rows of the table of tracks."""
        lengths = self._lengths[rows]
        transforms = [
            sample(self._augment, rng, frames=self._loader.clip_frames, available=length, noise=self._noise)
            for length in lengths
        ]
        last = lengths - [transform.frames for transform in transforms]
        starts = rng.integers(last, endpoint=True).tolist()
        return ClipDraw(rows, starts, [transform if transform.operations else None for transform in transforms])


@lru_cache
def mel_noise(mel: Mel, *, sr: int) -> MelNoise:
    """Model white noise in log-mel spectrograms of these settings at a sample rate."""
    log_mel = LogMel(sr, mel)
    return MelNoise(band_power=log_mel.noise_band_power(), effective_bins=log_mel.effective_bins, top_db=mel.top_db)
