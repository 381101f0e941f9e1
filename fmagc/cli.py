"""The command `fmagc`: what the package offers besides the stages."""

import argparse
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import shtab

import fmagc
from fmagc.paths import DATA, MODELS_FOLDER, RAW
from fmagc.runtime.entrypoint import run_stage

__all__ = ["main"]

_FMAGC = """\
Music genre classification: predict genres, choose a corpus, compare models. `dvc repro` runs the pipeline itself, and
`fmagc COMMAND --help` says what a command does."""
_PREDICT = """\
Name the genres of audio files by a trained model: MP3, whatever else libsndfile reads and, with --fallback ffmpeg,
what ffmpeg reads.

A file is decoded as the cache decodes a track, and its genre predicted as evaluate does: the probabilities of evenly
spaced clips, as long as those of training, are averaged; a model of patches covers the file with them. A file longer
than audio.max_seconds of the training, by more than a sixtieth, is read in excerpts of that length that cover it from
beginning to end, each with clips of its own. A file shorter than one clip, or patch, is refused. In a folder, hidden
files are passed over and links are followed."""
_STATUS_PREDICT = (
    "Exit status: 0, 1 when a file gave no prediction or the model is missing or damaged, 2 for wrong arguments."
)


_EXPORT = f"""\
Write a trained model in a form that leaves the project.

  fmagc export {MODELS_FOLDER}/official/crnn/0 model.onnx --onnx    one file from samples to genres, for onnxruntime
  fmagc export {MODELS_FOLDER}/official/crnn/0 crnn --hub           a folder for a model hub: weights, card, ONNX file
  fmagc export {MODELS_FOLDER}/official/crnn/0 page --web           a page that predicts songs in a browser

What is written is compared with the model before it gets its name."""
_EXPORT_FORMS = {
    "onnx": "write OUT, an ONNX file",
    "hub": "write OUT, a folder with README.md, model.safetensors, config.json, model.onnx and a picture of results",
    "web": "write the folder OUT, a page that any web server serves",
}
_STATUS_EXPORT = "Exit status: 0, 1 when the model cannot be used or exported, 2 for wrong arguments."
_USE = """\
Point the pipeline at a corpus: look at a folder of music, print what is there, and set dataset, run.protocols,
compare.protocol and what belongs to them in params.yaml. Comments and all other values stay. Nothing is written when
the folder, the settings or, with --branch, git's working tree are not as they should be.

  fmagc use "/music/My music"                     a folder for each genre, or a table tracks.csv
  fmagc use "/music/My music" --labels multi      a table that names several genres a track, as Folk; Punk
  fmagc use /music                                FMA's layout: an audio folder beside fma_metadata
  fmagc use fma_small --root /music --download    FMA itself: fma_small, fma_medium or fma_large
  fmagc use demo                                  back to the synthesised demo"""
_STATUS_USE = "Exit status: 0, 1 for a wrong folder or uncommitted work, 2 for wrong arguments or a faulty params.yaml."
_REFS = """\
Make a git ref for each model that a revision has metrics of, so that DVC can compare two models:

  fmagc refs
  dvc metrics diff models/official/cnn2d models/official/crnn"""
_VERIFY = """\
Read every byte of the caches of waveforms and spectrograms from the disk, and compare all with the digests that were
taken when they were written. The stages read each state of a file whole once; what changes below the file system, as on
a failing disk, leaves that state as it was, and this command finds it."""
_STATUS_VERIFY = "Exit status: 0, 1 when a file is damaged or missing; each is named with what restores it."
_PLOT_PAGE = "Write the offline page of `dvc plots show`. CONTRIBUTING.md says where the scripts come from."

# shtab's own functions take a word as it was typed, with its quote and its backslashes, and find no name with a blank.
_BASH = """\
_fmagc_files() { local word="${1#[\\"\\']}"; compgen -f -- "${word//\\\\/}"; }
_fmagc_dirs() { local word="${1#[\\"\\']}"; compgen -d -- "${word//\\\\/}"; }
_fmagc_corpus_dirs() { compgen -W "fma_small fma_medium fma_large demo" -- "$1"; _fmagc_dirs "$1"; }
"""
_FILES = shtab.FILE | {"bash": "_fmagc_files"}
_FOLDERS = shtab.DIRECTORY | {"bash": "_fmagc_dirs"}
_CORPORA = shtab.DIRECTORY | {"bash": "_fmagc_corpus_dirs"}

_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        None: those of this process.
    """
    given = vars(_parser().parse_args(arguments))
    command = given.pop("command")
    return run_stage(lambda: command(**given))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fmagc", description=_FMAGC)
    parser.add_argument("--version", action="version", version=f"fmagc {fmagc.__version__}")
    parser.add_argument(
        "--print-completion",
        action=_PrintCompletion,
        default=argparse.SUPPRESS,
        choices=("bash", "zsh"),
        help='print the script by which a shell completes this command: eval "$(fmagc --print-completion bash)"',
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_predict(commands)
    _add_export(commands)
    _add_use(commands)
    _add_refs(commands)
    _add_verify(commands)
    _add_plot_page(commands)
    return parser


def _add_predict(commands: _Commands) -> None:
    parser = _command(commands, "predict", "name the genres of audio files", _PREDICT, epilog=_STATUS_PREDICT)
    _complete(
        parser.add_argument(
            "paths", nargs="+", type=Path, metavar="FILE_OR_FOLDER", help="of a folder: all audio below it"
        ),
        _FILES,
    )
    _complete(
        parser.add_argument(
            "--model",
            required=True,
            type=Path,
            metavar="MODEL",
            help=f"a trained model: the folder {MODELS_FOLDER}/P/M/S, a copy of it, or a file of `fmagc export --onnx`",
        ),
        _FILES,
    )
    parser.add_argument(
        "--clips",
        dest="n_clips",
        type=_positive,
        metavar="N",
        help="clips of a file, or of each excerpt of a long one (as many as cover audio.max_seconds, or the file)",
    )
    parser.add_argument(
        "--top", dest="n_top", type=_positive, default=3, metavar="N", help="genres shown of each file (3)"
    )
    parser.add_argument(
        "--fallback",
        choices=("none", "ffmpeg"),
        default="none",
        help="decode with ffmpeg what libsndfile does not read, as M4A and WMA (none)",
    )
    parser.add_argument(
        "--timeline",
        dest="figures",
        type=Path,
        metavar="FOLDER",
        help="draw each file's probabilities over time: FOLDER/NAME.png",
    )
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument(
        "--json",
        dest="form",
        action="store_const",
        const="json",
        help="print all, clips too, as one JSON document, at the end",
    )
    forms.add_argument(
        "--csv",
        dest="form",
        action="store_const",
        const="csv",
        help="print one row per file as CSV, as soon as it is predicted",
    )
    parser.set_defaults(form="text")


def _add_export(commands: _Commands) -> None:
    parser = _command(commands, "export", "write a trained model for other programs", _EXPORT, epilog=_STATUS_EXPORT)
    _complete(
        parser.add_argument(
            "folder", type=Path, metavar="MODEL_DIR", help=f"a trained model: {MODELS_FOLDER}/P/M/S, or a copy of it"
        ),
        _FOLDERS,
    )
    _complete(parser.add_argument("out", type=Path, metavar="OUT", help="the file or the folder to write"), _FILES)
    forms = parser.add_mutually_exclusive_group(required=True)
    for form, text in _EXPORT_FORMS.items():
        forms.add_argument(f"--{form}", dest="form", action="store_const", const=form, help=text)
    _complete(
        parser.add_argument(
            "--node-modules",
            type=Path,
            metavar="DIR",
            help="with --web: where npm installed onnxruntime-web (node_modules); docs/deploy.md says how",
        ),
        _FOLDERS,
    )


def _add_use(commands: _Commands) -> None:
    parser = _command(commands, "use", "point the pipeline at a corpus", _USE, epilog=_STATUS_USE)
    _complete(
        parser.add_argument(
            "corpus", metavar="PATH_OR_NAME", help="a folder, or fma_small, fma_medium, fma_large, demo"
        ),
        _CORPORA,
    )
    _complete(
        parser.add_argument(
            "--root",
            type=Path,
            metavar="DIR",
            help=f"the folder that holds an audio folder of this name and fma_metadata ({RAW}/NAME in the project)",
        ),
        _FOLDERS,
    )
    parser.add_argument("--download", action="store_true", help="let the stage fetch download what is missing of FMA")
    parser.add_argument(
        "--labels",
        choices=("single", "multi"),
        help="the genres of a track, index.labels: one, or several (as params.yaml has it; single for the demo)",
    )
    parser.add_argument(
        "--branch", metavar="NAME", help="commit the new settings on a new git branch, without the results of this one"
    )


def _add_refs(commands: _Commands) -> None:
    parser = _command(commands, "refs", "make the git refs by which `dvc metrics diff` compares two models", _REFS)
    parser.add_argument("rev", nargs="?", default="HEAD", help="the revision whose models are compared (HEAD)")


def _add_verify(commands: _Commands) -> None:
    parser = _command(
        commands, "verify", "compare every byte of the caches with its digest", _VERIFY, epilog=_STATUS_VERIFY
    )
    _complete(
        parser.add_argument(
            "folder", nargs="?", type=Path, default=DATA, metavar="FOLDER", help=f"that holds the caches ({DATA})"
        ),
        _FOLDERS,
    )


def _add_plot_page(commands: _Commands) -> None:
    parser = _command(
        commands, "plot_page", "for maintainers: write the offline page of `dvc plots show` again", _PLOT_PAGE
    )
    _complete(
        parser.add_argument(
            "scripts",
            nargs=3,
            type=Path,
            metavar="SCRIPT",
            help="the .min.js files of vega, vega-lite and vega-embed below node_modules, in this order",
        ),
        _FILES,
    )


def _command(
    commands: _Commands, name: str, summary: str, description: str, *, epilog: str | None = None
) -> argparse.ArgumentParser:
    """Add a command whose function and module have its name; `--help` imports none: torch takes seconds."""
    parser = commands.add_parser(
        name.replace("_", "-"),
        help=summary,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=lambda **given: getattr(import_module(f"fmagc.commands.{name}"), name)(**given))
    return parser


class _PrintCompletion(argparse.Action):
    """Print the completion script of a shell and leave."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: object, values: Any, option: object = None) -> None:
        run_stage(lambda: print(shtab.complete(parser, values, preamble=_BASH if values == "bash" else ""), flush=True))  # noqa: T201
        parser.exit()


def _complete(argument: argparse.Action, how: dict[str, Any]) -> None:
    """Let shells complete an argument by the names of files or folders."""
    argument.complete = how  # type: ignore[attr-defined]


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {value}")
    return value
