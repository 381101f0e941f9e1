"""What the package offers beside the stages: `python -m fmagc predict`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from fmagc.runtime import entrypoint

__all__ = ["main"]

_PREDICT = """\
Name the genres of audio files by a trained model: MP3, and whatever else libsndfile reads.

A file is decoded as the cache decodes a track, and judged as evaluate does: evenly spaced patches, as long as the clips
of training, whose probabilities are averaged. A file longer than audio.max_seconds of the training, by more than a
sixtieth, is taken in excerpts of that length that cover it from beginning to end, and each of them gives as many
patches. A file shorter than one patch is refused. Of a folder, hidden files are passed over and links are followed."""
_STATUS = "Exit status: 0, 1 when a file gave no prediction or the model is missing or damaged, 2 for wrong arguments."


def main(arguments: Sequence[str]) -> int:
    """Run a command and return its exit status."""
    given = _parser().parse_args(arguments)

    def command() -> None:
        from fmagc.commands.predict import predict  # torch takes seconds to import: not for --help

        predict(
            given.paths,
            folder=given.model,
            n_clips=given.clips,
            n_top=given.top,
            form=given.form,
            figures=given.timeline,
        )

    return entrypoint.run_stage(command)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fmagc", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    predict = commands.add_parser(
        "predict",
        help="name the genres of audio files",
        description=_PREDICT,
        epilog=_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    predict.add_argument(
        "paths", nargs="+", type=Path, metavar="FILE_OR_FOLDER", help="of a folder: all audio below it"
    )
    predict.add_argument(
        "--model", required=True, type=Path, metavar="DIR", help="a trained model: data/models/P/M/S, or a copy of it"
    )
    predict.add_argument(
        "--clips",
        type=_positive,
        metavar="N",
        help="patches of a file, or of each excerpt of a long one (as many as cover audio.max_seconds)",
    )
    predict.add_argument("--top", type=_positive, default=3, metavar="N", help="genres shown of each file (3)")
    predict.add_argument(
        "--timeline", type=Path, metavar="FOLDER", help="draw each file's probabilities over time: FOLDER/NAME.png"
    )
    forms = predict.add_mutually_exclusive_group()
    forms.add_argument(
        "--json",
        dest="form",
        action="store_const",
        const="json",
        help="print all, patches too, as one JSON document, at the end",
    )
    forms.add_argument(
        "--csv", dest="form", action="store_const", const="csv", help="print a row a file as CSV, as it is judged"
    )
    predict.set_defaults(form="text")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {value}")
    return value
