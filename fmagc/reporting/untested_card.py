"""Write the card of one training that has no test results beside it: what its `config.json` alone can tell."""

from collections.abc import Mapping
from typing import Any

from fmagc.reporting.card_page import card_page
from fmagc.reporting.markdown import table
from fmagc.reporting.model_card_template import VALIDATION

__all__ = ["untested_card"]

_SCORES = ("accuracy", "precision", "recall", "f1", "loss")


def untested_card(trained: Mapping[str, Any], *, use: str) -> str:
    """Write the card of a training.

    Parameters
    ----------
    trained : mapping
        The fields of a `models.card.Card`.
    use : str
        The section on how to use it.
    """
    scores = {name: trained["validation"][name] for name in _SCORES}
    rows = [(f"`{name}`", f"{value:.3f}") for name, value in scores.items()]
    sections = {
        "data": "",
        "results": VALIDATION.format(results=table(["", "value"], rows, numbers=1)),
        "limits": "",
        "use": use,
    }
    seen = f"evenly spaced {'patches' if trained['train']['patch_samples'] else 'clips'} that cover it"
    return card_page([trained], protocol=None, scores=scores, seen=seen, sections=sections)
