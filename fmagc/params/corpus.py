"""Settings of the corpus: which shelf of MP3s, which of its tracks."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from fmagc.params.base import Block

__all__ = ["DEMO", "DOWNLOADS", "Dataset", "Index"]

DEMO = "fma_demo"
DOWNLOADS = ("fma_small", "fma_medium", "fma_large")


class Dataset(Block):
    """A folder in FMA's layout: `<name>/000/000002.mp3` and so on beside `fma_metadata/`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]  # the audio folder's full name
    root: Annotated[str, Field(min_length=1)] | None  # the folder that holds it; null: data/raw/<name>
    download: bool = False  # what that folder lacks of FMA
    mirror: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = (
        None  # where the archives lie; null: FMA's own site
    )

    @field_validator("download")
    @classmethod
    def _only_clips(cls, download: bool, info: ValidationInfo) -> bool:
        name = info.data.get("name", DOWNLOADS[0])  # a name at fault is told by itself
        if download and name == "fma_full":
            raise ValueError(
                "false, since fma_full is 879 GiB of whole tracks of which a run reads the middle 30 s, the clips that "
                "fma_large (93 GiB) holds already"
            )
        if download and name not in DOWNLOADS:
            raise ValueError(f"false, since of all corpora only {', '.join(DOWNLOADS)} can be downloaded, not {name}")
        return download


class Index(Block):
    """Which tracks of the corpus are asked for."""

    subset: Literal["small", "medium", "large", "full"]  # cumulative: medium holds small
    seed: Annotated[int, Field(ge=0)]  # of the protocols that draw, random and artist
