"""Tables of what was run: the corpus, its sets, the settings, the trainings, and the digests that identify them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fmagc.paths import MANIFEST, PARAMS_FILE, SPLITS
from fmagc.reporting.entries import Entry
from fmagc.reporting.html.elements import Table
from fmagc.reporting.labels import SETS
from fmagc.reporting.text import counted, listed, setting
from fmagc.runtime.files import file_digest

__all__ = ["accounted", "digests", "genres_without_tracks", "missing_genres", "sets", "settings", "trainings"]


def accounted(cleaning: Mapping[str, Any]) -> Table:
    """Count the requested, the accepted and the rejected tracks, by reason."""
    rejected = {reason.replace("_", " "): n for reason, n in cleaning["rejected"].items() if n}
    rows = [("requested", cleaning["requested"]), ("accepted", cleaning["accepted"])]
    rows += [(f"rejected: {reason}", n) for reason, n in rejected.items()]
    return Table("Tracks of the corpus", ("", "tracks"), [(name, f"{n:,}") for name, n in rows], numbers=1)


def sets(
    audit: Mapping[str, Mapping[str, Any]], accepted: Mapping[str, Mapping[str, int]], protocols: Sequence[str]
) -> Table:
    """Count the tracks and artists of each set of every protocol, and what occurs in several sets."""
    header = ("protocol", *(f"{label}: tracks used, of listed (artists)" for label in SETS.values()))
    header += ("artists in several sets", "files in several sets", "test tracks whose artist is in training")
    rows = [
        (
            protocol,
            *(
                f"{accepted[protocol][name]:,} of {audit[protocol]['tracks'][name]:,} "
                f"({audit[protocol]['artists'][name]:,})"
                for name in SETS
            ),
            f"{audit[protocol]['artists_shared']:,}",
            f"{audit[protocol]['files_shared']:,}",
            f"{audit[protocol]['test_share_with_artist_in_train']:.1%}",
        )
        for protocol in protocols
    ]
    return Table("Sets of each protocol", header, rows, numbers=len(header) - 1)


def missing_genres(audit: Mapping[str, Mapping[str, Any]], protocols: Sequence[str]) -> Iterator[str]:
    """Count the genres that a protocol leaves out, and those of which a set has no track."""
    for protocol in protocols:
        found = audit[protocol]
        rare, without = len(found["genres_left_out"]), found["tracks_left_out"]
        left_out = [counted(rare, "genre")] if rare else []
        left_out += [f"{counted(without, 'track')} that carry no other"] if without else []
        lacking = [
            f"no {SETS[name]} track of {counted(len(genres), 'genre')}"
            for name, genres in found["genres_absent"].items()
            if genres
        ]
        facts = [f"{verb} {listed(own)}" for verb, own in (("leaves out", left_out), ("has", lacking)) if own]
        if facts:
            yield f"Protocol {protocol} {'; it '.join(facts)}."


def genres_without_tracks(
    audit: Mapping[str, Mapping[str, Any]], protocols: Sequence[str], *, min_tracks: int
) -> Table:
    """Name the genres that too few training tracks carry, and those of which a set has no track."""
    rows = []
    for protocol in protocols:
        found = audit[protocol]
        rare = [f"{genre} ({n:,})" for genre, n in found["genres_left_out"].items()]
        lists = {f"left out: fewer than index.min_tracks ({min_tracks:,}) in training (tracks of all sets)": rare}
        lists |= {f"no {SETS[name]} track": genres for name, genres in found["genres_absent"].items()}
        rows += [(protocol, reason, ", ".join(genres)) for reason, genres in lists.items() if genres]
    return Table("Genres without tracks", ("protocol", "reason", "genres"), rows, numbers=0)


def settings(params: Mapping[str, Any]) -> Table:
    """List the settings, a row for each block."""
    rows = [(key, setting(value)) for key, value in _blocks(params)]
    return Table("Settings (params.yaml)", ("block", "settings"), rows, numbers=0)


def digests(entries: Sequence[Entry], protocols: Sequence[str]) -> Table:
    """List the digests of the files and weights behind the results."""
    read: dict[str, str] = {str(path): file_digest(path) for path in (PARAMS_FILE, MANIFEST)}
    for protocol in protocols:
        path = SPLITS / f"{protocol}.csv"
        read[str(path)] = file_digest(path)
    weights: dict[str, str] = {}
    for entry in entries:
        for card in entry.cards:
            read |= {str(Path(folder) / "manifest.json"): value for folder, value in card["caches"].items()}
            weights[f"weights: {entry.protocol}, {entry.model}, seed {card['seed']}"] = card["weights"]
    rows = list((read | weights).items())
    return Table("Digests (xxh3-128)", ("of", "digest"), rows, numbers=0)


def trainings(entries: Sequence[Entry], histories: pd.DataFrame, *, measure: tuple[str, str]) -> Table:
    """List for each training its epochs, and its scores in the epoch whose weights were kept.

    Parameters
    ----------
    entries : sequence of Entry
    histories : pd.DataFrame
        Of all trainings (`run_results.read_histories`).
    measure : tuple of str
        The column that is shown beside the loss, and its name.
    """
    column, label = measure
    header = ["model", "protocol", "seed", "precision", "epochs", "kept"]
    header += [f"{name}: {of}" for name in ("loss", label) for of in ("training", "validation")]
    rows = []
    for entry in entries:
        for card in entry.cards:
            own = histories[
                (histories["protocol"] == entry.protocol)
                & (histories["model"] == entry.model)
                & (histories["seed"] == card["seed"])
            ]
            best = own[own["epoch"] == card["best_epoch"]].set_index("split")
            rows.append(
                (
                    entry.model,
                    entry.protocol,
                    str(card["seed"]),
                    card["precision"],
                    str(own["epoch"].max()),
                    str(card["best_epoch"]),
                    *(f"{best.loc[split, name]:.3f}" for name in ("loss", column) for split in ("train", "val")),
                )
            )
    return Table("Trainings", header, rows, numbers=6)


def _blocks(params: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """Give the blocks of params.yaml, those inside others and those in lists as blocks of their own."""
    for name, value in params.items():
        if isinstance(value, Mapping):
            own = {key: inner for key, inner in value.items() if not isinstance(inner, Mapping)}
            yield from [(f"{within}{name}", own)] if own else []
            yield from _blocks(value, f"{within}{name}.")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            entries = {str(place): entry for place, entry in enumerate(value) if isinstance(entry, Mapping)}
            yield from _blocks(entries, f"{within}{name}.")
