"""Settings of frozen encoders that a user brings, and of the classifier on their vectors."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from fmagc.params.base import Block
from fmagc.params.evaluation import Penalties

__all__ = ["Encoder", "EncoderName"]


def _digest(value: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", value):
        raise ValueError("the 64 hexadecimal digits that `sha256sum FILE` prints")
    return value


def _name(value: str) -> str:
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]*", value):
        raise ValueError("a name of letters, digits, _ and -: it names folders and stages")
    return value


EncoderName = Annotated[str, AfterValidator(_name)]


class Encoder(Block):
    """A TorchScript or ONNX file that turns windows of a track into vectors, and the classifier on their mean."""

    path: Annotated[str, Field(min_length=1)]  # from the project's folder, or absolute; decides no byte
    sha256: Annotated[str, AfterValidator(_digest)] | None  # of the file, which is code; null: settings names it
    input: Literal["waveform", "mel"]
    sample_rate: Annotated[int, Field(ge=1_000, le=192_000)] | None  # Hz that it takes; null: audio.sample_rate
    seconds: Annotated[float, Field(gt=0, le=3_600)]  # of a window
    batch_size: Annotated[int, Field(gt=0)]  # windows
    C: Penalties

    def content(self) -> dict[str, Any]:
        """Return the settings that decide the vectors."""
        return self.model_dump(exclude={"path", "C"})
