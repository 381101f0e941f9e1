"""Write metrics/cards/<protocol>/<model>.md, the model card of a network.

The headings follow M. Mitchell et al., Model Cards for Model Reporting, FAT* 2019.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from fmagc.evaluation.calibration import temperature_text
from fmagc.params.evaluation import Evaluate
from fmagc.paths import SPLITS, training_folder
from fmagc.reporting.card_page import card_page
from fmagc.reporting.entries import Entry
from fmagc.reporting.labels import SETS
from fmagc.reporting.markdown import escaped, table
from fmagc.reporting.metric_text import metric_text
from fmagc.reporting.model_card_template import DATA, LIMITS, RESULTS, USE, USE_HEADING
from fmagc.reporting.presentation.registry import PRESENTATIONS
from fmagc.runtime.files import digest

__all__ = ["card_markdown"]


def card_markdown(
    entry: Entry,
    *,
    details: Mapping[str, Any],
    split: pd.DataFrame,
    accepted: Mapping[str, int],
    settings: Evaluate,
) -> str:
    """Write the card of a network.

    Parameters
    ----------
    entry : Entry
        With a card of training for each seed.
    details : mapping
        As `evaluation.error_analysis.analyse` gives it.
    split : pd.DataFrame
        As `corpus.index.read_split` gives it, of the protocol.
    accepted : mapping of str to int
        Tracks of each set that could be decoded.
    settings : Evaluate
        Which clips of a track were predicted.
    """
    trained, level = entry.cards[0], details["track"]
    words = PRESENTATIONS[trained["task"]].card
    sections = {
        "data": DATA.format(
            sets=_sets(split, accepted),
            leak=_leak(split),
            n_tested=accepted["test"],
            digests=_digests(entry, split),
        ),
        "results": RESULTS.format(
            results=_results(entry, in_words=words.in_words),
            and_seeds=" and the seeds" if len(entry.cards) > 1 else "",
            spread=_spread(entry),
            measures=words.measures(entry.track),
            by_genre=words.by_genre(level["genres"], n_tested=accepted["test"]),
            mistakes=words.mistakes(level),
            ece=words.ece,
            ece_by_chance=level["calibration"]["ece_by_chance"],
            temperature=temperature_text(level["calibration"]),
            log_loss=entry.track["log_loss"],
            log_loss_scaled=level["calibration"]["log_loss_scaled"],
            errors=_errors(details["errors"], columns=words.error_columns),
        ),
        "limits": LIMITS.format(certainty=_certainty(entry, split, headline=words.headline)),
        "use": USE.format(
            heading=USE_HEADING,
            protocol=entry.protocol,
            model=entry.model,
            folder=training_folder(entry.protocol, entry.model, trained["seed"]),
        ),
    }
    return card_page(
        entry.cards,
        protocol=entry.protocol,
        scores={kind: entry.track[name] for kind, name in words.hub_metrics.items()},
        seen=_seen(trained["train"], settings),
        sections=sections,
    )


def _seen(train: Mapping[str, Any], settings: Evaluate) -> str:
    """Describe the clips of a track that were predicted."""
    placed = {"even": "evenly spaced", "random": "randomly placed"}[settings.crop]
    if not train["patch_samples"]:
        return f"{settings.clips} {placed} clips"
    shared = f", of which neighbours share {settings.overlap:.0%} or more" if settings.overlap else ""
    return f"as many {placed} patches as cover it{shared}"


def _sets(split: pd.DataFrame, accepted: Mapping[str, int]) -> str:
    listed = {name: split[split["set"] == name] for name in SETS}
    rows = [
        ["tracks listed", *(f"{len(own):,}" for own in listed.values())],
        ["of them decoded, and used", *(f"{accepted[name]:,}" for name in SETS)],
        ["artists listed", *(f"{own['artist_id'].nunique():,}" for own in listed.values())],
    ]
    return table(["", *SETS.values()], rows, numbers=len(SETS))


def _leak(split: pd.DataFrame) -> str:
    test, training = (split[split["set"] == name] for name in ("test", "train"))
    known = test["artist_id"].isin(set(training["artist_id"]))
    if not known.any():
        return "No test track is by an artist of the training set"
    return f"**{known.mean():.1%} of the test tracks are by artists who are in the training set too**"


def _digests(entry: Entry, split: pd.DataFrame) -> str:
    read = {f"{SPLITS}/{entry.protocol}.csv": digest(split.to_csv(index=False).encode())}
    read |= {f"{folder}/manifest.json": value for folder, value in entry.cards[0]["caches"].items()}
    read |= {f"the weights of seed {card['seed']}": card["weights"] for card in entry.cards}
    return "\n".join(f"- {f'`{name}`' if '/' in name else name}: `{value}`" for name, value in read.items())


def _results(entry: Entry, *, in_words: Collection[str]) -> str:
    names = [name for name in entry.track if not name.endswith(("_low", "_high", "_std")) and name not in in_words]
    rows = [[f"`{name}`", metric_text(entry.track, name), metric_text(entry.clip, name)] for name in names]
    return table(["", "by track", "by clip"], rows, numbers=2)


def _spread(entry: Entry) -> str:
    n_seeds = len(entry.cards)
    if n_seeds == 1:
        return "There was one training, so the spread over seeds is unknown."
    return f"Numbers are means over {n_seeds} seeds of training, ± their standard deviation."


def _errors(errors: list[dict[str, Any]], *, columns: Sequence[str]) -> str:
    if not errors:
        return "There is none."
    rows = [
        [
            *(escaped(str(row[name])) for name in ("track_id", "artist", "title", "true", "predicted")),
            *(f"{row[name]:.3f}" for name in ("confidence", "p_true")),
        ]
        for row in errors
    ]
    header = ["track", "artist", "title", *columns]
    return table(header, rows, numbers=2)


def _certainty(entry: Entry, split: pd.DataFrame, *, headline: tuple[str, str]) -> str:
    key, name = headline
    n_artists = split.loc[split["set"] == "test", "artist_id"].nunique()
    low, high = entry.track[f"{key}_low"], entry.track[f"{key}_high"]
    return (
        f"The {name} is estimated from {n_artists:,} test artists: for artists like these its 95 % interval is "
        f"[{low:.2f}, {high:.2f}]. It says nothing about other kinds of music."
    )
