"""Summaries of a clip's log-mel spectrogram: the feature vectors of the baselines."""

import librosa
import numpy as np
from scipy import stats

from fmagc.errors import DataError
from fmagc.evaluation.metrics import Floats

__all__ = ["band_statistics", "mfcc_statistics"]


def band_statistics(S_db: Floats) -> Floats:
    """Summarise a clip by the mean and the standard deviation of each mel band over time.

    Parameters
    ----------
    S_db : np.ndarray [shape=(frames, bands), float64]
        Log-mel spectrogram in absolute dB, time-major.

    Returns
    -------
    np.ndarray [shape=(2 * bands,), float64]
        All means, then all deviations.
    """
    S_db = S_db.astype(np.float64)
    return np.concatenate([S_db.mean(axis=0), S_db.std(axis=0)])


def mfcc_statistics(S_db: Floats, *, n_mfcc: int) -> Floats:
    """Summarise a clip by seven statistics of each MFCC over time, those of FMA's own features.

    Parameters
    ----------
    S_db : np.ndarray [shape=(frames, bands), float64]
        Log-mel spectrogram in absolute dB, time-major. What is stored is relative to the track's maximum: add `ref_db`,
        without it the first coefficient does not carry the level of the track.

    Returns
    -------
    np.ndarray [shape=(7 * n_mfcc,), float64]
        mean, standard deviation, skewness, excess kurtosis, median, minimum and maximum, `n_mfcc` values each. A
        coefficient that does not change has skewness and kurtosis 0.

    Raises
    ------
    DataError
        When there are fewer bands than coefficients, or a value is not finite.

    References
    ----------
    M. Defferrard et al., FMA: A Dataset for Music Analysis, ISMIR 2017, section 3.4.
    """
    if S_db.ndim != 2 or S_db.shape[1] < n_mfcc:
        raise DataError(
            f"MFCC: expected (frames, bands) with {n_mfcc} bands or more, found the shape {S_db.shape}. "
            "Lower baselines.svm_mfcc.n_mfcc or raise mel.n_mels."
        )
    if not np.isfinite(S_db).all():
        raise DataError(f"MFCC: expected finite dB, found {int((~np.isfinite(S_db)).sum())} other values.")
    mfcc = librosa.feature.mfcc(S=S_db.T.astype(np.float64), n_mfcc=n_mfcc)  # (n_mfcc, frames)
    mean, spread = mfcc.mean(axis=1), mfcc.std(axis=1)
    moving = spread > 1e-6  # dB; a ratio of moments of less is rounding noise
    skew, kurtosis = np.zeros(n_mfcc), np.zeros(n_mfcc)
    skew[moving] = stats.skew(mfcc[moving], axis=1)
    kurtosis[moving] = stats.kurtosis(mfcc[moving], axis=1)
    median, lowest, highest = np.median(mfcc, axis=1), mfcc.min(axis=1), mfcc.max(axis=1)
    return np.concatenate([mean, spread, skew, kurtosis, median, lowest, highest])
