"""Settings of the corpus: which shelf of MP3s, which of its tracks."""

from typing import Annotated, Literal

from pydantic import Field

from fmagc.params.base import Block

__all__ = ["DEMO", "Dataset", "Index"]

DEMO = "fma_demo"


class Dataset(Block):
    """A folder in FMA's layout: `<name>/000/000002.mp3` and so on beside `fma_metadata/`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]  # the audio folder's full name
    root: Annotated[str, Field(min_length=1)] | None  # the folder that holds it; null: data/raw/<name>


class Index(Block):
    """Which tracks of the corpus are asked for."""

    subset: Literal["small", "medium", "large", "full"]  # cumulative: medium holds small
    seed: Annotated[int, Field(ge=0)]  # of the protocols that draw, random and artist
