"""Write a folder that a model hub takes as it is: card, weights, `config.json`, ONNX file and a picture of results."""

from pathlib import Path

from fmagc.cache.clip_starts import evenly_spaced
from fmagc.export.onnx_file import export_onnx
from fmagc.export.project_results import find_results
from fmagc.inference.onnx_record import OnnxRecord, read_record
from fmagc.params.signal import n_frames
from fmagc.paths import CARD, WEIGHTS
from fmagc.reporting.figures.style import save_png
from fmagc.reporting.licences import licence_fields, licence_of
from fmagc.reporting.model_card_template import USE_HEADING
from fmagc.reporting.presentation.registry import PRESENTATIONS
from fmagc.reporting.untested_card import untested_card
from fmagc.runtime.entrypoint import log
from fmagc.runtime.files import new_folder, write_bytes, write_text
from fmagc.runtime.onnx_session import INSTALL

__all__ = ["export_hub"]

_CARD = "README.md"
_ONNX = "model.onnx"
_LICENCE = "LICENSE"

_PICTURE = """\
## {title}

![{alt}]({file})

"""

_USE = """\
{heading}

This folder was written by fmagc {version}, which runs on Linux with Python 3.11. To install it, run
{install} in a clone of its repository. Then, in this folder:

```python
import fmagc

model = fmagc.load_model(".")
prediction = model.predict("song.mp3")
print(prediction.top(3))
```

From the shell: `fmagc predict song.mp3 --model .`. With `{onnx}` in place of `.`, both predict without torch.

`{onnx}` needs no fmagc and no clone either, but `pip install onnxruntime soundfile`. It takes the samples of
{max_seconds:g} s of music at most, mono at {sample_rate:,} Hz, and the places where clips of {clip_samples:,} samples
begin, in steps of {hop_length:,}. These lines take a file of that rate, and {n_clips} evenly spaced clips of it, as
fmagc does of {max_seconds:g} s:

```python
import json, numpy, onnxruntime, soundfile
session = onnxruntime.InferenceSession("{onnx}")
genres = json.loads(session.get_modelmeta().custom_metadata_map["fmagc"])["genres"]
y, rate = soundfile.read("song.wav", frames={longest}, dtype="float32", always_2d=True)
assert rate == {sample_rate} and len(y) >= {clip_samples}, "resample the song, or take one of {seconds:.1f} s or more"
starts = numpy.linspace(0, len(y) // {hop_length} - {clip_frames}, {n_clips}).round().astype("int64")
(p,) = session.run(["probabilities"], {{"samples": y.mean(axis=1), "starts": starts}})
print(dict(zip(genres, p.mean(axis=0).tolist())))
```
"""


def export_hub(folder: Path, out: Path) -> None:
    """Write the folder.

    The card is that of the pipeline where the training lies in its project, and else what its `config.json` tells.

    Parameters
    ----------
    folder : Path
        Of a training, or a copy of it.
    out : Path
        The new folder.

    Raises
    ------
    DataError
        When the training is missing or damaged, the pipeline's card is of other weights or another version, or `out`
        exists.
    """
    with new_folder(out) as made:
        trained = export_onnx(folder, made / _ONNX)
        tested = find_results(folder, trained)
        for name in (CARD, WEIGHTS):
            write_bytes(made / name, (folder / name).read_bytes())
        if "license_link" in licence_fields(trained["corpus"]):
            write_text(made / _LICENCE, f"{licence_of(trained['corpus'])}\n")
        use = _use(read_record(made / _ONNX, (made / _ONNX).read_bytes()))
        if tested is None:
            write_text(made / _CARD, untested_card(trained, use=use))
            log(f"{folder}: no card of a project beside it: {_CARD} has the results on the validation tracks alone")
        else:
            words = PRESENTATIONS[trained["task"]].card
            picture = _PICTURE.format(**words.picture._asdict())
            write_text(made / _CARD, f"{tested.card.partition(USE_HEADING)[0]}{picture}{use}")
            save_png(words.draw(tested, genres=trained["genres"]), made / words.picture.file)


def _use(record: OnnxRecord) -> str:
    hop_length, clip_samples = record.hop_length, record.clip_samples
    longest, clip_frames = round(record.max_seconds * record.sample_rate), n_frames(clip_samples, hop_length=hop_length)
    clips = evenly_spaced(n_frames(longest, hop_length=hop_length), clip_frames=clip_frames, n_clips=record.n_clips)
    return _USE.format(
        heading=USE_HEADING,
        version=record.fmagc,
        install=INSTALL,
        onnx=_ONNX,
        max_seconds=record.max_seconds,
        longest=longest,
        sample_rate=record.sample_rate,
        hop_length=hop_length,
        clip_samples=clip_samples,
        clip_frames=clip_frames,
        seconds=clip_samples / record.sample_rate,
        n_clips=len(clips),
    )
