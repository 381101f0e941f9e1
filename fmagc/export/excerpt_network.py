"""A trained network with its front end: the module that an exported file computes."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fmagc.cache.normalisation import Normalisation
from fmagc.export.front_end import LogMel, to_grid
from fmagc.params.signal import Mel, n_frames
from fmagc.tasks.task import Task

__all__ = ["ExcerptNetwork"]


class ExcerptNetwork(nn.Module):
    """From the samples of an excerpt, and the frames at which clips begin, to probabilities.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode.
    normalisation : mapping of str to Normalisation
        By view: those that the network reads.
    sr : int [Hz]
    clip_samples : int
        A multiple of the hop.
    mel : Mel
    task : Task
        Of the network.
    """

    frames: Tensor
    waveform: Tensor
    mel: Tensor

    def __init__(
        self,
        network: nn.Module,
        normalisation: Mapping[str, Normalisation],
        *,
        sr: int,
        clip_samples: int,
        mel: Mel,
        task: Task,
    ) -> None:
        super().__init__()
        self.network, self.task = network, task
        self.hop_length = mel.hop_length
        self.log_mel = LogMel(sr, mel) if "mel" in normalisation else None
        self.register_buffer("frames", torch.arange(n_frames(clip_samples, hop_length=mel.hop_length)))
        self.views = tuple(normalisation)
        for view, z_score in normalisation.items():
            factor, shift = z_score.affine
            self.register_buffer(view, torch.tensor([factor.tolist(), shift.tolist()], dtype=torch.float32))

    def forward(self, samples: Tensor, starts: Tensor) -> tuple[Tensor, ...]:
        """Compute the probabilities of clips.

        Parameters
        ----------
        samples : Tensor [shape=(n,), float32]
            Mono, finite, at the rate of the network; a whole excerpt, whose maximum is 0 dB.
        starts : Tensor [shape=(N,), int64]
            First frames, in hops, from 0 to (n - clip_samples) // hop_length.

        Returns
        -------
        probabilities : Tensor [shape=(N, K), float32]
        log_mel : Tensor [shape=(n // hop_length, n_mels), float32, dB]
            Of a network that reads it.
        """
        integers, scale = to_grid(samples)
        clips = starts[:, None] + self.frames  # (N, F): a clip is a run of hops, in either view
        views, shown = {}, []
        if "waveform" in self.views:
            n_hops = samples.shape[0] // self.hop_length
            hops = integers[: n_hops * self.hop_length].view(-1, self.hop_length)
            factor, shift = self.waveform
            views["waveform"] = hops[clips].flatten(1) * (scale * factor) + shift
        if self.log_mel is not None:
            factor, shift = self.mel
            S_db = self.log_mel(scale * integers)
            views["mel"] = S_db[clips] * factor + shift
            shown.append(S_db)
        return self.task.activation(self.network(views)), *shown
