"""The command `predict`: a line of text, a row of CSV or an entry of JSON for each file, in their order."""

import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fmagc.corpus.local.file_names import AUDIO_SUFFIXES, as_utf8, is_audio, is_hidden, one_line, walk
from fmagc.errors import DataError, Reason, RejectedTrack
from fmagc.inference.excerpts import Excerpt
from fmagc.inference.predictor import Prediction, Predictor
from fmagc.params.signal import Fallback
from fmagc.runtime.entrypoint import log
from fmagc.runtime.worker_pool import Prepared, map_isolated

__all__ = ["predict"]

_TIMEOUT_S = 600.0  # of a file: an hour of music takes some ten seconds
_WAITING = 1  # files under way or done early, per worker: they may be long
_DECIMALS = 6
_SILENT = "silent: no sample is above the decoder's rounding; the genres mean nothing"


def predict(
    paths: Sequence[Path],
    *,
    model: Path,
    n_clips: int | None,
    fallback: Fallback,
    n_top: int,
    form: str,
    figures: Path | None,
) -> None:
    """Predict the genres of files and print them; a file that gives no prediction, or is silent, is a line on stderr.

    Parameters
    ----------
    paths : sequence of Path
        Files, and folders whose audio files are taken.
    model : Path
        A folder of a training, or an exported ONNX file.
    n_clips : int or None
        See `Predictor`.
    fallback : str
        See `Predictor`.
    n_top : int
        Genres in a line of text.
    form : str
        ``text``, ``json`` or ``csv``.
    figures : Path or None
        Folder of the timelines.

    Raises
    ------
    DataError
        When the model cannot be used, or, after all others, some files gave no prediction or folders held no audio.
    """
    files, empty = _files(paths)
    if empty and not files:
        raise DataError("\n".join(empty))
    drawn = _figures_of(files, paths) if figures else {}
    if figures and figures.exists() and not figures.is_dir():
        raise DataError(f"--timeline: expected a folder, found the file {figures}: name another")
    predictor = Predictor(model, n_clips=n_clips, fallback=fallback)
    entries, n_failed = [], 0
    if form == "csv":
        log(_row(_columns(predictor.genres)))
    for path, result in tqdm(_predicted(files, predictor), total=len(files), unit="file", desc="predict", disable=None):
        if isinstance(result, RejectedTrack):
            n_failed += 1
            remedy = ": add --fallback ffmpeg" if result.reason == Reason.NOT_AUDIO and fallback == "none" else ""
            _warn(path, f"{result.reason}: {result.detail}{remedy}")
        else:
            if result.silent:
                _warn(path, _SILENT)
            if figures:
                _draw(path, result, predictor, target=figures / drawn[path])
            if form == "text":
                _show(_line(path, result, n_top=n_top))
        entry = _entry(path, result, predictor)
        if form == "csv":
            _show(_row(_cells(entry, predictor.genres)))
        if form == "json":
            entries.append(entry)
    if form == "json":
        ascii_only = sys.stdout.encoding.lower() != "utf-8"
        log(json.dumps(entries, indent=2, ensure_ascii=ascii_only))
    for text in empty:
        print(text, file=sys.stderr)  # noqa: T201
    faults = [f"{n_failed} of {len(files)} files gave no prediction"] if n_failed else []
    faults += [f"{len(empty)} folder{'s' if len(empty) > 1 else ''} held no audio"] if empty else []
    if faults:
        raise DataError(f"{' and '.join(faults)}, for the reasons above")


def _show(text: str) -> None:
    """Print a result above the progress bar."""
    with tqdm.external_write_mode(file=sys.stdout):
        log(text)


def _warn(path: Path, text: str) -> None:
    """Print a line on a file to stderr, above the progress bar."""
    tqdm.write(f"{one_line(path)}: {text}", file=sys.stderr)


def _files(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """List files as they were named, those of folders in alphabetical order, each once; and describe empty folders."""
    files: dict[Path, None] = {}
    empty: list[str] = []
    for path in paths:
        found = sorted(_below(path)) if path.is_dir() else [path]
        files |= dict.fromkeys(found)
        if not found:
            expected = f"expected audio files below it ({' '.join(AUDIO_SUFFIXES)})"
            empty.append(f"{one_line(path)}: {expected}, found none")
    return list(files), empty


def _below(folder: Path) -> Iterator[Path]:
    """List the music below a folder, as the layouts of your own music take it: nothing hidden, links followed."""
    for place, folders, names in walk(folder):
        folders[:] = [name for name in folders if not is_hidden(name)]
        yield from (Path(place, name) for name in names if is_audio(name) and not is_hidden(name))


def _figures_of(files: Sequence[Path], paths: Sequence[Path]) -> dict[Path, Path]:
    """Name each file's figure by its place below the folder that was asked for."""
    owners: dict[Path, Path] = {}
    for path in files:
        folder = next((folder for folder in paths if folder.is_dir() and path.is_relative_to(folder)), path.parent)
        figure = Path(f"{path.relative_to(folder)}.png")
        if (rival := owners.setdefault(figure, path)) != path:
            raise DataError(
                f"--timeline: expected files of different names, found {rival} and {path}: draw them in separate calls"
            )
    return {path: figure for figure, path in owners.items()}


def _predicted(files: list[Path], predictor: Predictor) -> Iterator[tuple[Path, Prediction | RejectedTrack]]:
    """Decode in workers, a few files ahead, while the network predicts."""
    read = Prepared(predictor.reader, predictor.reader.prepare)
    with closing(map_isolated(read, files, timeout_s=_TIMEOUT_S, waiting=_WAITING)) as outcomes:
        for outcome in outcomes:
            yield outcome.task, _predict_decoded(outcome.result, predictor)


def _predict_decoded(decoded: list[Excerpt] | RejectedTrack, predictor: Predictor) -> Prediction | RejectedTrack:
    if isinstance(decoded, RejectedTrack):
        return decoded
    try:
        return predictor.predict_excerpts(decoded)
    except RejectedTrack as rejection:
        return rejection


def _draw(path: Path, prediction: Prediction, predictor: Predictor, *, target: Path) -> None:
    from fmagc.reporting.figures import style  # matplotlib takes a second to import, and most calls draw nothing
    from fmagc.reporting.figures.timeline import timeline

    drawing = timeline(
        prediction.clips,
        prediction.starts_s,
        task=predictor.task,
        genres=predictor.genres,
        clip_s=predictor.clip_seconds,
        file_s=prediction.seconds,
        title=one_line(path.name),
    )
    style.save_png(drawing, target)


def _line(path: Path, prediction: Prediction, *, n_top: int) -> str:
    return f"{one_line(path)}: " + ", ".join(f"{genre} {p:.2f}" for genre, p in prediction.top(n_top))


def _entry(path: Path, result: Prediction | RejectedTrack, predictor: Predictor) -> dict[str, Any]:
    if isinstance(result, RejectedTrack):
        return {"path": as_utf8(path), "reason": str(result.reason), "detail": result.detail}
    rounded = [[round(p, _DECIMALS) for p in row] for row in (result.probabilities.tolist(), *result.clips.tolist())]
    named = [dict(zip(predictor.genres, row, strict=True)) for row in rounded]
    clips = [
        {"start_s": round(start, 3), "end_s": round(start + predictor.clip_seconds, 3), "probabilities": p}
        for start, p in zip(result.starts_s.tolist(), named[1:], strict=True)
    ]
    return {
        "path": as_utf8(path),
        "genre": predictor.genres[int(result.probabilities.argmax())],
        "seconds": round(result.seconds, 3),
        "probabilities": named[0],
        "clips": clips,
        **({"detail": _SILENT} if result.silent else {}),
    }


def _columns(genres: Sequence[str]) -> list[str]:
    return ["path", "genre", "seconds", "n_clips", *(f"p_{genre}" for genre in genres), "reason", "detail"]


def _cells(entry: dict[str, Any], genres: Sequence[str]) -> list[Any]:
    """Arrange an entry in `_columns`; a cell without a value is empty."""
    named = {f"p_{genre}": p for genre, p in entry.get("probabilities", {}).items()}
    counted = {"n_clips": len(entry["clips"])} if "clips" in entry else {}
    return [(entry | named | counted).get(column, "") for column in _columns(genres)]


def _row(cells: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)  # which quotes cells that hold a line break
    return text.getvalue()[:-1]
