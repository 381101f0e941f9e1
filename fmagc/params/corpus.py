"""Settings of the corpus: the dataset, and which of its tracks."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, field_validator

from fmagc.params.base import Block

__all__ = ["DEMO", "DOWNLOADS", "Corpus", "Dataset", "Index"]

DEMO = "fma_demo"
DOWNLOADS = ("fma_small", "fma_medium", "fma_large")


def _matching(pattern: str, expected: str) -> AfterValidator:
    """Validate text by a regular expression, and say in words what is expected."""

    def matches(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(expected)
        return text

    return AfterValidator(matches)


class Corpus(Block):
    """A corpus: `fma` is FMA's layout, `folders` a folder a genre, `table` a folder with a tracks.csv of your own."""

    name: Annotated[str, _matching(r"[A-Za-z0-9][A-Za-z0-9_.-]*", "a name of letters, digits, . _ and -")]  # a folder's
    layout: Literal["fma", "folders", "table"] = "fma"


class Dataset(Corpus):
    """The corpus of a run, and where it lies: with FMA's layout below `root`, with the others in `root` itself."""

    root: Annotated[str, Field(min_length=1)] | None  # null: data/raw/<name>
    download: bool = False  # what that folder lacks of FMA
    mirror: Annotated[str, _matching(r"https?://\S+", "a URL of http or https")] | None = (
        None  # where the archives lie; null: FMA's own site
    )

    @field_validator("download")
    @classmethod
    def _only_clips(cls, download: bool, info: ValidationInfo) -> bool:
        name = info.data.get("name", DOWNLOADS[0])  # a faulty name is a fault of its own
        if download and name == "fma_full":
            raise ValueError(
                "false, since fma_full is 879 GiB of whole tracks of which a run reads the middle 30 s, the clips that "
                "fma_large (93 GiB) holds already"
            )
        if download and name not in DOWNLOADS:
            raise ValueError(f"false, since of all corpora only {', '.join(DOWNLOADS)} can be downloaded, not {name}")
        if download and info.data.get("layout") != "fma":
            raise ValueError("false, since FMA has a layout of its own: set dataset.layout to fma")
        return download


def _choice(value: Any) -> Any:
    """Accept null, a level, or a list of genres."""
    if isinstance(value, list):
        names = [name for name in value if (type(name) is int and name > 0) or (type(name) is str and name)]
        valid = len(names) == len(value) > 1
    else:
        valid = value is None or (type(value) is int and value >= 0)
    if not valid:
        raise ValueError(
            "null, a level (0 for root genres), or a list of two or more titles or ids of genres (in quotes where YAML "
            'reads a title as a number or a word of its own, as in "null")'
        )
    return value


class Index(Block):
    """The requested tracks of the corpus, and the seed of the splits that are drawn."""

    subset: Literal["small", "medium", "large", "full"]  # cumulative: medium holds small
    genres: Annotated[int | list[int | str] | None, PlainValidator(_choice)] = (
        None  # null: FMA's genre_top, or with multi all
    )
    labels: Literal["single", "multi"] = "single"  # genres of a track: one, or several
    min_tracks: Annotated[int, Field(ge=1)] = 1  # a genre with fewer training tracks is left out
    seed: Annotated[int, Field(ge=0)]  # of the protocols that draw, random and artist
