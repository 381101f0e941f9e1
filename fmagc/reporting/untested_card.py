"""Write the card of one training that has no test results beside it: what its `config.json` alone can tell."""

from collections.abc import Mapping
from typing import Any

from fmagc.reporting.card_page import card_page
from fmagc.reporting.markdown import table
from fmagc.reporting.model_card_template import VALIDATION
from fmagc.reporting.presentation.registry import PRESENTATIONS

__all__ = ["untested_card"]


def untested_card(trained: Mapping[str, Any], *, use: str) -> str:
    """Write the card of a training.

    Parameters
    ----------
    trained : mapping
        The fields of a `models.card.Card`.
    use : str
        The section on how to use it.
    """
    words = PRESENTATIONS[trained["task"]].card
    scores = {name: trained["validation"][name] for name in words.validated}
    rows = [(f"`{name}`", f"{value:.3f}") for name, value in scores.items()]
    sections = {
        "data": "",
        "results": VALIDATION.format(
            results=table(["", "value"], rows, numbers=1), measures=words.validation, beyond=words.beyond
        ),
        "limits": "",
        "use": use,
    }
    seen = f"evenly spaced {'patches' if trained['train']['patch_samples'] else 'clips'} that cover it"
    known = {kind: scores[kind] for kind in words.hub_metrics if kind in scores}
    return card_page([trained], protocol=None, scores=known, seen=seen, sections=sections)
