"""A block of settings and its file: read as DVC reads it, every wrong key named."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from fmagc.errors import SettingsError
from fmagc.params.base import Block, faults_of, read_document
from fmagc.params.schema import Params, check
from fmagc.params.signal import Mel
from tests.support.dag import ROOT
from tests.support.params_file import written

BLOCKS: dict[str, type[Block]] = {
    name: field.annotation
    for name, field in Params.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Block)
}
OWN: dict[str, Any] = YAML(typ="safe").load(ROOT / "params.yaml")
KEYS = st.from_regex(r"[a-z][a-z_]{0,11}", fullmatch=True)


@given(
    n_fft=st.integers(6, 16).map(lambda power: 2**power),
    hop_length=st.integers(1, 10**6),
    n_mels=st.integers(1, 10**4),
    fmin=st.floats(0, 1e5),
    fmax=st.none() | st.floats(1e-3, 1e6),
    top_db=st.floats(1e-3, 1e3),
)
def test_any_valid_block_comes_back_from_the_file(**values: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "params.yaml"
        YAML().dump({"mel": values}, path)
        assert Mel.load("mel", path=path).model_dump() == values


SCALARS = "yes no on off y 010 0o10 0x1F 0b11 1e3 1e-3 1.e3 .5 5. 1_000 12:30 ~ null NULL True TRUE .inf .nan +1 '1'"


@pytest.mark.parametrize("scalar", SCALARS.split())
def test_dvc_and_the_settings_read_the_same_value(scalar: str, tmp_path: Path) -> None:
    of_dvc = pytest.importorskip("dvc.utils.serialize")
    path = tmp_path / "params.yaml"
    path.write_text(f"a: {scalar}\n", encoding="utf-8")
    assert repr(read_document(path)) == repr(of_dvc.load_yaml(str(path)))


def test_dvc_parses_in_c() -> None:
    pytest.importorskip("_ruamel_yaml", reason="the parser in C, which pyproject.toml requires, is not installed")
    assert YAML(typ="safe").Parser.__name__ == "CParser"


@given(st.sampled_from(sorted(BLOCKS)), KEYS, st.none() | st.booleans() | st.integers() | st.text(max_size=5))
def test_an_unknown_key_is_always_named(block: str, key: str, value: Any) -> None:
    assume(key not in BLOCKS[block].model_fields)
    (fault,) = faults_of(BLOCKS[block], OWN[block] | {key: value}, where=block)
    assert fault.startswith(f"{block}.{key}: expected no such key, found ")


@given(st.data())
def test_a_missing_key_is_always_named(data: st.DataObject) -> None:
    block = data.draw(st.sampled_from(sorted(BLOCKS)))
    needed = [name for name, field in BLOCKS[block].model_fields.items() if field.is_required()]
    absent = data.draw(st.sets(st.sampled_from(needed), min_size=1))
    faults = faults_of(
        BLOCKS[block], {key: value for key, value in OWN[block].items() if key not in absent}, where=block
    )
    expected = {f"{block}.{key}: expected this key, found nothing" for key in absent}
    assert set(faults) == expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("mel: {n_fft: 1, n_fft: 2}", "mel.n_fft: expected this key once, found it in lines 1, 1"),
        ("mel: [", "expected YAML"),
        ("- 1", "expected blocks of keys, found \\[1\\]"),
        ("", "expected blocks of keys, found None"),
    ],
)
def test_what_is_no_settings_file(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=fault):
        check(path)


def test_missing_file_and_missing_block(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="found none: run from the project's folder"):
        check(tmp_path / "params.yaml")
    path = written(tmp_path, lambda params: params.pop("mel"))
    with pytest.raises(SettingsError, match="mel: expected a block of keys, found nothing"):
        Mel.load("mel", path=path)
