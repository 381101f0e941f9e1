"""How many frames of a spectrogram stand for how many samples."""

__all__ = ["n_frames"]


def n_frames(n_samples: int, *, hop_length: int) -> int:
    """Count the frames that stand for a waveform: whole hops.

    Centred frames are ``1 + n // hop_length``, the last of them centred on the end or close to it, half of it padding.
    It is dropped, here alone, so that frame f stands for samples ``f * hop_length`` onwards and 2**19 samples make 512.

    Parameters
    ----------
    n_samples : int, samples
    hop_length : int, samples

    Returns
    -------
    int, frames
    """
    return n_samples // hop_length
