"""Encoders of a user: what their files may take and give, and what is said of those that cannot be used."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fmagc.embeddings.encoder_file import file_faults, read_file
from fmagc.embeddings.frozen_encoder import FrozenEncoder
from fmagc.embeddings.runtimes import Execute, load_encoder
from fmagc.errors import SettingsError
from tests.support.encoders import N_VALUES, expected, save_onnx, save_torchscript, settings

SAMPLES = 4096
NOISE = np.random.default_rng(3).normal(0, 0.2, (5, SAMPLES)).astype(np.float32)
ONNX_SHAPES = [["B", "n"], ["B", 1, "n"], ["B", SAMPLES], [1, SAMPLES], [1, 1, SAMPLES], [SAMPLES], ["n"]]


def executed(path: Path) -> Execute:
    return load_encoder(path.read_bytes(), path=str(path), threads=1)


def loaded(path: Path, *, batch_size: int = 2, window: tuple[int, ...] = (SAMPLES,)) -> FrozenEncoder:
    return FrozenEncoder("mine", executed(path), window=window, batch_size=batch_size)


@pytest.mark.parametrize("n_channels", [0, 1])
def test_torchscript_gives_what_its_filters_give(tmp_path: Path, n_channels: int) -> None:
    encoder = loaded(save_torchscript(tmp_path / "my encoder.pt", n_channels_in=n_channels))
    assert encoder.n_values == N_VALUES
    assert encoder(NOISE) == pytest.approx(expected(NOISE), rel=1e-4)
    assert np.array_equal(encoder(NOISE), encoder(NOISE))


@pytest.mark.parametrize("shape", ONNX_SHAPES, ids=str)
def test_onnx_gives_the_same_whatever_shape_it_takes(tmp_path: Path, shape: list[Any]) -> None:
    pytest.importorskip("onnxruntime")
    encoder = loaded(save_onnx(tmp_path / "my encoder.onnx", shape=shape))
    assert encoder(NOISE) == pytest.approx(expected(NOISE), rel=1e-4)


def test_vectors_over_time_are_averaged(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    over_time = lambda y, v: torch.stack([v, 3 * v, 2 * v - 6 * v], dim=1)  # noqa: E731
    assert loaded(save_torchscript(tmp_path / "e.pt", over_time))(NOISE) == pytest.approx(0, abs=1e-5)
    growing = lambda y, v: torch.stack([v, 3 * v], dim=1)  # noqa: E731
    assert loaded(save_torchscript(tmp_path / "f.pt", growing))(NOISE) == pytest.approx(2 * expected(NOISE), rel=1e-4)


FAULTY = {
    "mixes the batch": (lambda y, v: v - v.mean(0), "the same vector of a window at every call and in every batch"),
    "turns the batch": (lambda y, v: v.flip(0), "the same vector of a window"),
    "is random": (lambda y, v: v.bernoulli(0.5), "the same vector of a window"),
    "gives NaN": (lambda y, v: (v - v) / (v - v), "expected finite vectors of noise"),
    "forgets the batch": (
        lambda y, v: v.mean(0),
        r"\(B, \.\.\.\), here \(2, 4096\): ValueError: expected \(2, D\) or \(2, T, D\)",
    ),
    "gives complex values": (lambda y, v: v + 1j, r"expected real values, found torch\.complex64"),
    "gives two": (lambda y, v: (v, v), "expected one tensor, found tuple"),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_an_encoder_that_cannot_be_used_is_refused(tmp_path: Path, fault: str) -> None:
    change, message = FAULTY[fault]
    with pytest.raises(SettingsError, match=rf"encoders\.mine: (?s:.*){message}"):
        loaded(save_torchscript(tmp_path / "e.pt", change))


def test_a_window_of_another_length_is_told(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(SettingsError, match=r"windows \(3000,\).*seconds x sample_rate(?s:.*)Expected: 4096"):
        loaded(save_onnx(tmp_path / "e.onnx", shape=["B", SAMPLES]), window=(3000,))


def test_a_batch_of_two_and_no_other_is_told(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(SettingsError, match=r"\(B, \.\.\.\), here \(1, 4096\): .*Expected: 2"):
        loaded(save_onnx(tmp_path / "e.onnx", shape=[2, SAMPLES]))


def test_one_input_and_one_output_are_wanted(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(SettingsError, match=r"e\.onnx: expected one output, found 2 \(v, s\)"):
        executed(save_onnx(tmp_path / "e.onnx", shape=["B", SAMPLES], outputs=2))


@pytest.mark.parametrize(
    ("name", "expects"), [("weights.pt", "a module saved by torch.jit.save"), ("e.onnx", "an ONNX model")]
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str, expects: str) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    path = tmp_path / name
    torch.save({"w": torch.zeros(3)}, path) if name.endswith("pt") else path.write_bytes(b"\xff no protobuf")
    with pytest.raises(SettingsError, match=rf"{name}: expected {expects}, found that it cannot be loaded: ."):
        executed(path)


def test_weights_beside_the_file_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    path = save_onnx(tmp_path / "e.onnx", shape=["B", SAMPLES], weights_in="e.data")
    assert (tmp_path / "e.data").exists()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"e\.onnx: expected an ONNX model, .*External data"):
        executed(path)


def test_a_file_is_executed_only_if_it_has_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "my encoder.onnx"
    path.write_bytes(b"one")
    own = settings(path)
    if find_spec("onnxruntime"):
        assert read_file("mine", own) == b"one"
    unpinned = file_faults("mine", own.model_copy(update={"sha256": None}))
    assert f"found null; if you trust {path}, write {own.sha256}" in unpinned[0]
    path.write_bytes(b"two")
    with pytest.raises(
        SettingsError, match=rf"encoders\.mine\.sha256: expected {own.sha256} of .*, found [0-9a-f]{{64}};"
    ):
        read_file("mine", own)
    path.unlink()
    assert "nothing there" in file_faults("mine", own)[0]
    path.mkdir()
    assert "something else there" in file_faults("mine", own)[0]


def test_onnxruntime_is_an_extra_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fmagc.embeddings.encoder_file.is_installed", lambda: False)
    path = tmp_path / "e.onnx"
    path.write_bytes(b"one")
    (fault,) = file_faults("mine", settings(path))
    assert "\n" not in fault
    assert "expected onnxruntime to be installed" in fault
    assert "'.[export]'" in fault
