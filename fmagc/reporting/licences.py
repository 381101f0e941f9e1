"""The licence of weights, by the corpus that they were trained on: in words, and in the fields of a model hub."""

from collections.abc import Mapping

from fmagc.params.corpus import DEMO

__all__ = ["licence_fields", "licence_of"]

_CODE = "The code is under the MIT licence"
_DEMO = (
    f"The demo corpus is synthesised by this project and CC0 1.0. {_CODE}, and so are weights that were trained on the "
    "demo."
)
_FMA = (
    f"{_CODE}. The audio of the Free Music Archive belongs to its artists: every track has a licence of its own "
    "(`track.license` in `tracks.csv`), often for non-commercial use alone. None of it is in this repository. Weights "
    "that were trained on such audio should be passed on with this note, and used as the licences of the training "
    "tracks allow."
)
_OWN = (
    f"{_CODE}. The music belongs to others: weights that were trained on it should be passed on as the licences of the "
    "training tracks allow."
)


def licence_of(corpus: Mapping[str, str]) -> str:
    """Choose the text on the use of weights by the `corpus` of their `config.json`."""
    if corpus["name"] == DEMO:
        return _DEMO
    return _FMA if corpus["layout"] == "fma" else _OWN


def licence_fields(corpus: Mapping[str, str]) -> dict[str, str]:
    """Name the licence of weights as a model hub's metadata does; `LICENSE` is a file beside them."""
    if corpus["name"] == DEMO:
        return {"license": "mit"}
    return {"license": "other", "license_name": "licences-of-the-training-tracks", "license_link": "LICENSE"}
