"""Errors of encoders under shifts in time, measured without padding."""

import pytest
import torch

from fmagc.models.encoders import Encoder1d, Encoder2d, ShortChunkEncoder
from fmagc.robustness import equivariance
from fmagc.robustness.equivariance import Reach, margin, reach, shift_errors

ENCODERS = {
    "waveform": (Encoder1d, (2**14, ())),
    "mel of 16 bands": (lambda: Encoder2d(n_mels=16), (16, (16,))),
    "mel of 128 bands": (lambda: Encoder2d(n_mels=128), (16, (128,))),
    "mel in short chunks": (lambda: ShortChunkEncoder(n_mels=64), (8, (64,))),
}


@pytest.mark.parametrize("which", ENCODERS)
def test_reach_is_how_far_a_missing_number_spreads(which: str) -> None:
    # NaN in the first step's input reaches the steps that see it; padding lies one step further out
    make, (stride, bands) = ENCODERS[which]
    encoder = make().double().eval()
    x = torch.zeros(1, 8 * stride, *bands, dtype=torch.float64)
    assert encoder.time_stride == stride
    seen = []
    for hole in (slice(0, stride), slice(-stride, None)):
        spoilt = x.clone()
        spoilt[:, hole] = float("nan")
        with torch.inference_mode():
            seen.append(int(encoder(spoilt).isnan().any(dim=1).sum()))
    assert reach(encoder) == Reach(before=seen[0] - 1, after=seen[1] - 1)


@pytest.mark.parametrize("which", ENCODERS)
def test_encoders_follow_whole_steps_and_no_others(which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, (stride, bands) = ENCODERS[which]
    torch.manual_seed(0)
    encoder = make().eval()
    x = torch.randn(2, (4 + margin(encoder, shifts=[2.0])) * stride, *bands)
    with torch.inference_mode():
        half, one, two = shift_errors(encoder, x, shifts=[0.5, 1.0, 2.0])
        assert max(one.equivariance, two.equivariance) < 1e-5
        assert half.equivariance > 0.01
        assert min(one.invariance, two.invariance, half.invariance) > 0.01
        monkeypatch.setattr(equivariance, "reach", lambda encoder: Reach(before=0, after=0))
        (padded,) = shift_errors(encoder, x, shifts=[1.0])
    assert padded.equivariance > 1e-3  # which the padding at the ends breaks


def test_what_does_not_change_in_time_is_invariant() -> None:
    torch.manual_seed(0)
    encoder = Encoder2d(n_mels=16).eval()
    with torch.inference_mode():
        errors = shift_errors(encoder, torch.randn(16).expand(1, 16 * 10, 16), shifts=[0.5, 1.0])
    assert max(error.invariance for error in errors) < 1e-5
