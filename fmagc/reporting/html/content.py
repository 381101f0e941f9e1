"""Gather the content of the page from the files that the stages wrote, in the order in which it is read."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fmagc.cache.manifest import read_manifest
from fmagc.cache.shards import read_columns
from fmagc.corpus.index import read_genre_table, read_names
from fmagc.params.schema import Params
from fmagc.paths import AUDIT, CARDS, CLEANING, LEADERBOARD, MANIFEST, WAVES
from fmagc.reporting.entries import Entry
from fmagc.reporting.html import findings, run_facts
from fmagc.reporting.html.elements import Picture, picture
from fmagc.reporting.html.markdown_html import html_of, sections_of
from fmagc.reporting.hub_metadata import body_of
from fmagc.reporting.labels import MEASURES, VIEWS
from fmagc.reporting.presentation.base import Presentation
from fmagc.reporting.presentation.registry import PRESENTATIONS
from fmagc.reporting.run_results import (
    read_clip_counts,
    read_entries,
    read_error_analysis,
    read_histories,
    read_predictions,
    read_robustness,
    read_test_set,
)
from fmagc.reporting.share_words import shares_title
from fmagc.reporting.text import capitalised, counted, listed
from fmagc.runtime.files import read_record

__all__ = ["gather"]


def gather(params: Params, *, track: dict[str, Any]) -> dict[str, Any]:
    """Gather the page's content.

    Parameters
    ----------
    params : Params
        The whole of params.yaml.
    track : dict
        ``model``, ``protocol``, ``artist``, ``title`` and ``genre`` of the timeline (`diagrams.draw_timeline`).

    Returns
    -------
    dict
        The variables of the template `page.html.j2`.
    """
    run = params.run
    entries = read_entries(run)
    audit = read_record(AUDIT, stage="index", cached=False)
    cleaning = read_record(CLEANING, stage="explore", cached=False)
    sections = sections_of(LEADERBOARD.read_text(encoding="utf-8"))
    main = [entry for entry in entries if entry.protocol == params.compare.protocol]
    test_set = read_test_set(main[0], audits=audit, cleaning=cleaning)
    presentation = PRESENTATIONS[test_set.task]
    words = presentation.page
    files = read_record(MANIFEST, stage="fetch", cached=False)["files"]
    track_s = _usual_length(params.audio.sample_rate)
    return {
        "corpus": params.dataset.name,
        "note": html_of(sections[""].partition("\n")[2], level=2),
        "headline": list(findings.headline(main, test_set, presentation=presentation)),
        "corpus_text": _corpus_text(params, cleaning, words.genres(read_genre_table()), files),
        "tables": {
            "accounted": run_facts.accounted(cleaning),
            "sets": run_facts.sets(audit, cleaning["accepted_by_set"], run.protocols),
            "missing": run_facts.genres_without_tracks(audit, run.protocols, min_tracks=params.index.min_tracks),
            "settings": run_facts.settings(params.model_dump()),
            "digests": run_facts.digests(entries, run.protocols),
            "trainings": run_facts.trainings(
                entries,
                read_histories(run, run.protocols),
                measure=(words.validated, presentation.curves[words.validated]),
            ),
        },
        "missing_genres": list(run_facts.missing_genres(audit, run.protocols)),
        "unfinished": findings.unfinished(entries),
        "pipeline": picture(
            "report/pipeline",
            alt="Diagram of the stages, from the corpus at the top to this page at the bottom; each box shows what the "
            "stage does, what it writes, and its settings",
            caption="The stages of dvc.yaml with the settings of params.yaml. An arrow leads to a stage that "
            "reads what another writes; an arrow that a longer path implies is left out.",
        ),
        "data": list(_data_pictures(params, examples=words.examples)),
        "networks": list(_network_pictures(main)),
        "timeline": _timeline(track, probabilities=words.timeline),
        "protocols": [
            _protocol(name, [e for e in entries if e.protocol == name], sections, params, presentation, track_s=track_s)
            for name in run.protocols
        ],
        "gaps": {name: html_of(text, level=3) for name, text in sections.items() if " against " in name},
        "ece": words.ece,
        "hardest": words.hardest,
        "reading": html_of(sections["How to read it"], level=3),
        "apart": "official" if params.dataset.layout == "fma" else "artist",  # the protocol that has no leak
        "n_protocols": len(run.protocols),
        "n_seeds": len(run.seeds),
    }


def _corpus_text(params: Params, cleaning: dict[str, Any], genres: str, files: dict[str, Any]) -> str:
    size = sum(file["bytes"] for file in files.values())
    seconds = params.clip.samples / params.audio.sample_rate
    patched = {name: params.models[name].patch_samples for name in params.run.models}
    patches = [f"{name} {patch / params.audio.sample_rate:.1f} s" for name, patch in patched.items() if patch]
    at_once = f"{seconds:.1f} s of it at once" + (f" ({listed(patches)})" if patches else "")
    subset = f"of its subset {params.index.subset}, " if params.dataset.layout == "fma" else ""
    return (
        f"{counted(len(files), 'file')} of the corpus {params.dataset.name} ({size / 1e6:,.0f} MB); {subset}"
        f"{cleaning['requested']:,} tracks were requested and {cleaning['accepted']:,} accepted. "
        f"{genres} Every signal is mono at {params.audio.sample_rate:,} Hz; a "
        f"network reads {at_once}, as samples or as {params.mel.n_mels} mel bands every "
        f"{1000 * params.mel.hop_length / params.audio.sample_rate:.1f} ms."
    )


def _data_pictures(params: Params, *, examples: str) -> Iterator[Picture]:
    for protocol in params.run.protocols:
        yield picture(
            f"data/classes_{protocol}",
            alt=f"The number of tracks of each genre in training, validation and test under {protocol}",
            caption=f"Decoded tracks of each genre and set, protocol {protocol}.",
        )
    yield picture(
        "data/rejected",
        alt="Bars of the number of rejected tracks by reason",
        caption="Rejected tracks, by reason.",
    )
    yield picture(
        "data/waveforms",
        alt=f"Waveform of a clip of {examples}",
        caption=f"The middle clip of the first training track of {examples}: its waveform.",
    )
    yield picture(
        "data/spectrograms",
        alt=f"Log-mel spectrogram of a clip of {examples}",
        caption="The same clips as log-mel spectrograms, the other input of the networks.",
    )


def _network_pictures(entries: Sequence[Entry]) -> Iterator[Picture]:
    for entry in entries:
        if entry.cards:
            card = entry.cards[0]
            views = listed(f"the {VIEWS[view]}" for view in card["normalisation"])
            yield picture(
                f"report/{entry.model}",
                alt=f"Diagram of the parts of {entry.model} from input to output, with layers, shapes and parameters",
                caption=f"{entry.model}: {card['parameters']:,} parameters; reads {views}.",
            )


def _timeline(track: dict[str, Any], *, probabilities: str) -> Picture:
    by = f" by {track['artist']}" if track["artist"] else ""
    return picture(
        "report/timeline",
        alt=f"{probabilities} over the time of one track, as predicted by {track['model']}",
        caption=f"{track['title']}{by}, labelled {track['genre']}: predictions of {track['model']} along the "
        f"track (protocol {track['protocol']}). It is the test track whose clips get the most different probabilities. "
        "The values at a moment are those of the whole clip around it, or of the nearest clip at the ends; means are "
        "over clips.",
    )


def _usual_length(sample_rate: int) -> float:
    """Compute the median length of the tracks in the cache, in seconds."""
    shards = read_manifest(WAVES, stage="decode").shards
    lengths = np.concatenate([read_columns(WAVES / name, "length")["length"] for name in shards])
    return float(np.median(lengths)) / sample_rate


def _protocol(
    name: str,
    entries: Sequence[Entry],
    sections: dict[str, str],
    params: Params,
    presentation: Presentation,
    *,
    track_s: float,
) -> dict[str, Any]:
    words, measure = presentation.page, presentation.headline
    networks = [entry for entry in entries if entry.cards]
    details = {entry.model: read_error_analysis(entry)["track"] for entry in entries}
    predictions = {entry.model: read_predictions(entry) for entry in networks}
    counts = read_clip_counts(name, models=list(predictions))
    patched = [entry.model for entry in networks if params.models[entry.model].patch_samples]
    calibrations = {model: own["calibration"] for model, own in details.items()}
    hardest, hardest_text = findings.hardest(predictions, names=read_names(), words=words)
    return {
        "name": name,
        "shares": _shares(name, sections, measure=measure) if shares_title(name) in sections else None,
        "results": html_of(sections[f"Protocol `{name}`"], level=4),
        "pictures": {key: picture(f"results/{name}/{key}", **texts) for key, texts in words.pictures.items()},
        "of_genres": words.of_genres,
        "genre_text": words.genre_text({model: details[model]["genres"] for model in predictions}),
        "clip_text": list(findings.clip_text(counts, measure=measure, used=params.evaluate.clips, patched=patched)),
        "overlap_text": findings.overlap_text(counts, track_s=track_s),
        "clip_table": findings.clip_table(counts, measure=measure),
        "robustness_text": list(findings.robustness_text(*read_robustness(name))),
        "calibration_table": findings.calibration_table(entries, calibrations),
        "calibration_text": findings.calibration_text(calibrations),
        "hardest": hardest,
        "hardest_text": hardest_text,
        "cards": {
            model: html_of(body_of((CARDS / name / f"{model}.md").read_text(encoding="utf-8")), level=4)
            for model in predictions
        },
    }


def _shares(name: str, sections: dict[str, str], *, measure: str) -> dict[str, Any]:
    """Gather what a protocol's models do on shares of the training set."""
    drawn = picture(
        f"results/{name}/shares",
        alt=f"{capitalised(MEASURES[measure])} of every model and baseline over the number of training tracks, with "
        "95 % intervals",
        caption="Test tracks; the number of training tracks on a logarithmic axis. The models of one size stand beside "
        "each other, in the order of the legend.",
    )
    return {"picture": drawn, "text": html_of(sections[shares_title(name)], level=3)}
