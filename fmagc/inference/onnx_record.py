"""The record in an exported ONNX file: what the model takes and gives, and a digest of the whole file.

It is the last part of the file, the entry `fmagc` of the model's `metadata_props`, which every ONNX runtime can read.
Bytes that are appended to a message of Protocol Buffers are further fields of it, so the record is written after the
model, and can cover every byte before it with its digest. Reading it needs no ONNX package.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from fmagc.errors import DataError, format_list, format_value
from fmagc.params.base import faults_of
from fmagc.params.signal import Mel, Waveform
from fmagc.runtime.files import digest
from fmagc.tasks.task import TaskName

__all__ = ["FORMAT", "KEY", "OnnxRecord", "read_record", "sealed"]

FORMAT: Final = 1  # of the record, and of the inputs and outputs of the graph
KEY = "fmagc"  # of the entry

_METADATA_PROPS = 14  # field numbers of ONNX: of the entries in a model, of key and value in an entry
_ENTRY_KEY, _ENTRY_VALUE = 1, 2

Count = Annotated[int, Field(gt=0)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Text = Annotated[str, Field(min_length=1)]


class OnnxRecord(Waveform, Mel):
    """The record, with the settings of the waveform and of the spectrogram as fields of its own.

    Attributes
    ----------
    format : int
        `FORMAT`.
    fmagc, torch : str
        The versions that wrote the file.
    model : str
        A key of `models.registry.MODELS`.
    task : TaskName
        ``single``: the probabilities of a clip sum to 1; ``multi``: each genre has one of its own.
    genres : list of str
        In the order of the probabilities.
    clip_samples : int
        Length of what the network sees at a time.
    n_clips : int or None
        Evenly spaced clips of an excerpt that predict takes; None: as many as cover it.
    views : list of str
        What the network reads: ``waveform``, ``mel`` or both.
    parameters : int
        Of the network.
    weights : str
        Digest of the weights' file.
    caches : dict
        Digests of the caches of the training.
    licence : str
        What may be done with the file.
    """

    format: Literal[1]
    fmagc: Text
    torch: Text
    model: Text
    task: TaskName
    genres: list[Text]
    clip_samples: Count
    n_clips: Count | None
    views: list[Text]
    parameters: Count
    weights: Digest
    caches: dict[Text, Digest]
    licence: Text


def sealed(model: bytes, record: OnnxRecord) -> bytes:
    """Append a record to a serialised ONNX model that has none."""
    fields = record.model_dump()
    return model + _entry(json.dumps(fields | {"digest": _digest(model, fields)}).encode())


def read_record(path: Path, content: bytes) -> OnnxRecord:
    """Read the record of a file, and compare the file with its digest.

    Parameters
    ----------
    path : Path
        Of the file, for messages.
    content : bytes
        All of it.

    Raises
    ------
    DataError
        When the file was not exported by fmagc, is damaged, or was exported by a newer version.
    """
    fields = _fields(content)
    if not isinstance(fields, dict) or "format" not in fields:
        raise DataError(
            f"{path}: expected an ONNX file of `fmagc export --onnx`, found {_size(content)} without its record at "
            "the end: the file is foreign, or not whole; export the model again, or copy the file again"
        )
    if fields["format"] != FORMAT:
        raise DataError(
            f"{path}: expected a file of format {FORMAT}, found {format_value(fields['format'])}, written by fmagc "
            f"{format_value(fields.get('fmagc'))}: install that version, or export the model with this one"
        )
    found = fields.pop("digest", None)
    model = content[: -len(_entry(_text(content)))]
    if found != _digest(model, fields):
        raise DataError(
            f"{path}: expected digest {format_value(found)}, found {_digest(model, fields)}: the file is damaged or "
            "was changed; copy it again, or export the model again"
        )
    if faults := faults_of(OnnxRecord, fields):
        raise DataError(f"{path}: expected the record of an exported model, found {format_list(faults)}: export again")
    return OnnxRecord.model_validate(fields)


def _size(content: bytes) -> str:
    return f"{len(content)} bytes"


def _fields(content: bytes) -> Any:
    try:
        return json.loads(_text(content))
    except ValueError:
        return None


def _text(content: bytes) -> bytes:
    """Find the JSON of the entry that ends the file; nothing where there is none."""
    start = content.rfind(_field(_ENTRY_KEY, KEY.encode()))
    text = content[content.find(b"{", start) :] if start >= 0 else b""
    return text if text and content.endswith(_entry(text)) else b""


def _digest(model: bytes, fields: dict[str, Any]) -> str:
    return digest(model + json.dumps(fields).encode())


def _entry(text: bytes) -> bytes:
    return _field(_METADATA_PROPS, _field(_ENTRY_KEY, KEY.encode()) + _field(_ENTRY_VALUE, text))


def _field(number: int, data: bytes) -> bytes:
    """Encode a field of bytes as Protocol Buffers do: number and wire type 2, length, content."""
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    """Encode an integer in groups of seven bits, the lowest first; all but the last have the eighth bit set."""
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])
