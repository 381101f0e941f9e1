"""Lay out the page of a model card: what the `config.json` of its trainings tells, around sections of other sources."""

from collections.abc import Mapping, Sequence
from typing import Any

from fmagc.params.corpus import DEMO
from fmagc.reporting.hub_metadata import metadata_block
from fmagc.reporting.labels import DEMO_NOTE, VIEWS
from fmagc.reporting.licences import licence_of
from fmagc.reporting.markdown import escaped, table
from fmagc.reporting.model_card_template import PAGE
from fmagc.reporting.presentation.registry import PRESENTATIONS

__all__ = ["card_page"]


def card_page(
    cards: Sequence[Mapping[str, Any]],
    *,
    protocol: str | None,
    scores: Mapping[str, float],
    seen: str,
    sections: Mapping[str, str],
) -> str:
    """Fill the template of a card.

    Parameters
    ----------
    cards : sequence of mappings
        A `models.card.Card` for each seed of one model.
    protocol : str or None
        By which the model was tested; None when the scores are those of validation.
    scores : mapping of str to float
        For the metadata (`hub_metadata.metadata_block`).
    seen : str
        The clips of a track that are predicted, in words.
    sections : mapping of str to str
        ``data``, ``results``, ``limits`` and ``use``, as the template has them.
    """
    trained = cards[0]  # the seeds of one model share their data and settings
    samples, sample_rate = trained["architecture"]["clip_samples"], trained["waveform"]["sample_rate"]
    views = sorted(trained["normalisation"], reverse=True)
    model, corpus = trained["architecture"]["name"], trained["corpus"]
    words = PRESENTATIONS[trained["task"]].card
    by = f"protocol `{protocol}`" if protocol else f"seed {trained['seed']}"
    return PAGE.format(
        metadata=metadata_block(model, corpus=corpus, protocol=protocol, scores=scores, n_seeds=len(cards)),
        title=f"{model}, {by}, corpus `{corpus['name']}`",
        note=f"> **{DEMO_NOTE}**\n\n" if corpus["name"] == DEMO else "",
        purpose=words.purpose(trained["genres"]),
        genres=words.listing(trained["genres"]),
        limit=words.limit,
        unit="patches" if trained["train"]["patch_samples"] else "clips",
        seconds=samples / sample_rate,
        samples=samples,
        sample_rate=sample_rate,
        views=" and ".join(f"the {VIEWS[view]}" for view in views),
        seen=seen,
        training=_training(cards),
        licence=licence_of(corpus),
        **sections,
    )


def _training(cards: Sequence[Mapping[str, Any]]) -> str:
    trained = cards[0]
    settings, hardware = trained["train"], trained["hardware"]
    rows = [
        ("parameters", f"{trained['parameters']:,}"),
        ("seeds", ", ".join(str(card["seed"]) for card in cards)),
        ("best epoch of each", ", ".join(str(card["best_epoch"]) for card in cards)),
        ("epochs", f"{settings['epochs']} at most; ends {settings['patience']} after the lowest validation loss"),
        ("optimiser", f"Adam, weight decay {settings['weight_decay']:g}"),
        ("learning rate", _learning_rate(settings)),
        ("batch size", str(settings["batch_size"])),
        ("random clips of a track in an epoch", str(settings["patches_per_track"])),
        ("correction for classes of unequal size", settings["class_balance"]),
        ("dropout", f"{settings['dropout']:g}"),
        ("clipped norm of the gradient", "none" if (norm := settings["max_grad_norm"]) is None else f"{norm:g}"),
        ("label smoothing", f"{settings['label_smoothing']:g}"),
        ("augmentation", _operations(settings["augment"])),
        ("precision", f"{trained['precision']} ({hardware['precision_reason']})"),
        ("device", f"{hardware['device']}, processes: {hardware['processes']}"),
    ]
    return table(["", "value"], [(name, escaped(value)) for name, value in rows], numbers=0)


def _operations(augment: Sequence[Mapping[str, Any]]) -> str:
    shown = (
        f"{operation['name']} ({', '.join(f'{key} {value}' for key, value in operation.items() if key != 'name')})"
        for operation in augment
    )
    return "; ".join(shown) or "none"


def _learning_rate(settings: Mapping[str, Any]) -> str:
    n_rising = settings["warmup_epochs"]
    warmup = f"rises over {n_rising} epoch{'s' if n_rising > 1 else ''} to " if n_rising else ""
    falls = f", falls along a cosine to 0 after {settings['epochs']} epochs" if settings["schedule"] == "cosine" else ""
    return f"{warmup}{settings['lr']:g}{falls}"
