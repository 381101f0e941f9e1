"""Settings of robustness: the transformations of the test tracks, and their strengths."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from fmagc.params.base import Block

__all__ = ["Robustness"]

Positive = Annotated[float, Field(gt=0)]
HalfSteps = Annotated[float, Field(gt=0, multiple_of=0.5)]
Rate = Annotated[float, Field(ge=0.5, le=2)]  # beyond it a stretch is no longer the same music
Semitones = Annotated[float, Field(ge=-12, le=12)]
# MPEG-1's. The frames of lower ones have no room for the header that holds the encoder's delay.
Kbps = Literal[64, 80, 96, 112, 128, 160, 192, 224, 256, 320]


class Robustness(Block):
    """A list of strengths for each transformation; an empty list leaves it out, but not all may be left out."""

    tracks: Annotated[int, Field(gt=0)]  # of the test set, at most
    encoder_steps: Annotated[list[HalfSteps], Field(min_length=1)]  # shifts, in steps of the encoder's output
    time_shift_s: list[Positive]
    gain_db: list[float]
    noise_snr_db: list[float]
    time_stretch_rate: list[Rate]  # above 1 is faster
    pitch_shift_semitones: list[Semitones]
    low_pass_hz: list[Positive]
    mp3_kbps: list[Kbps]

    def strengths(self) -> dict[str, list[float]]:
        """Return the strengths of each transformation by its key."""
        return self.model_dump(exclude={"tracks", "encoder_steps"})

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not any(self.strengths().values()):
            raise ValueError(f"a strength in one of {', '.join(self.strengths())}")
        return self
