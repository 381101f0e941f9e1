"""params.yaml as a whole: every fault at once, each with its key, what was expected and what was found."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fmagc.errors import SettingsError
from fmagc.models.registry import MODELS
from fmagc.params.base import faults_of, read_document
from fmagc.params.schema import Params, check
from stages import settings
from tests.support.dag import ROOT
from tests.support.params_file import written


def test_the_project_s_own_file_is_sound() -> None:
    assert check(ROOT / "params.yaml").run.models == ["cnn1d", "cnn2d", "crnn", "mmcrnn", "resnet"]


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    def spoil(params: Any) -> None:
        params["mel"]["n_ftt"] = params["mel"].pop("n_fft")
        params["train"]["lr"] = "1e-3"
        params["train"]["augment"][1]["max_rat"] = 2.0
        params["audio"]["max_seconds"] = float("nan")
        params["run"]["models"].append("crnm")
        params["clip"]["samples"] = 200_000
        params["compare"]["focus"] = "cnn3d"
        del params["evaluate"]["clips"]

    with pytest.raises(SettingsError) as caught:
        check(written(tmp_path, spoil))
    message = str(caught.value)
    for fault in (
        "mel.n_fft: expected this key, found nothing",
        "mel.n_ftt: expected no such key, found 4096. Did you mean n_fft?",
        "train.lr: expected a number, found '1e-3' (text)",
        "train.augment.1.max_rat: expected no such key, found 2.0. Did you mean max_rate?",
        "audio.max_seconds: expected a finite number, found nan",
        f"run.models: expected a name that has a block in models ({', '.join(MODELS)}), found 'crnm'",
        "clip.samples: expected a multiple of mel.hop_length (1024), found 200000",
        "compare.focus: expected an entry of run.models or run.baselines",
        "evaluate.clips: expected this key, found nothing",
    ):
        assert fault in message
    assert message.startswith(f"{tmp_path / 'params.yaml'}: 9 faults\n")
    assert caught.value.exit_status == 2


def test_an_old_key_is_told_its_new_name(tmp_path: Path) -> None:
    def old(params: dict[str, Any]) -> None:
        params["probe"] = params.pop("robustness")

    with pytest.raises(SettingsError, match=r"2 faults(?s:.*)probe: .* it is called robustness now; rename it"):
        check(written(tmp_path, old))


ENCODER = {
    "path": "e.onnx",
    "sha256": "0" * 64,
    "input": "waveform",
    "sample_rate": 16_000,
    "seconds": 5.0,
    "batch_size": 8,
    "C": [1.0],
}


@pytest.mark.parametrize(
    ("name", "changed", "fault"),
    [
        ("mine", {}, ""),
        ("mine", {"sample_rate": None, "input": "mel"}, ""),
        ("mine", {"input": "mel"}, "encoders.mine.sample_rate: expected null, since the cached mel is of 44100 Hz"),
        ("mine", {"sha256": "abc"}, "encoders.mine.sha256: expected the 64 hexadecimal digits that `sha256sum FILE`"),
        ("mine", {"seconds": 0.0}, "encoders.mine.seconds: expected more than 0, found 0.0"),
        ("mine", {"C": []}, "encoders.mine.C: expected at least one entry, found []"),
        ("mine", {"layer": 3}, "encoders.mine.layer: expected no such key, found 3."),
        ("crnn", {}, "encoders.crnn: expected a name of its own, found one of models"),
        ("svm_mfcc", {}, "encoders.svm_mfcc: expected a name of its own, found one of baselines"),
        ("my/own", {}, "expected a name of letters, digits, _ and -"),
    ],
)
def test_encoders_are_checked(tmp_path: Path, name: str, changed: dict[str, Any], fault: str) -> None:
    def bring(params: Any) -> None:
        params["encoders"] = {name: ENCODER | changed}
        params["run"]["encoders"] = [name]
        params["compare"]["focus"] = name

    path = written(tmp_path, bring)
    if not fault:
        assert check(path).encoders[name].content() == {
            key: value for key, value in (ENCODER | changed).items() if key not in ("path", "C")
        }
        return
    with pytest.raises(SettingsError) as caught:
        check(path)
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("block", "key", "value", "fault"),
    [
        ("mel", "fmax", 30000.0, "mel.fmax: expected at most half of audio.sample_rate (22050 Hz), found 30000.0"),
        ("mel", "fmin", 30000.0, "mel.fmin: expected less than the upper limit (22050 Hz), found 30000.0"),
        (
            "audio",
            "max_seconds",
            5.0,
            "clip.samples: expected at most audio.max_seconds (220500 samples)",
        ),
        ("run", "seeds", [1, 1], "run.seeds: expected each entry once, found [1, 1]"),
        ("run", "train_shares", [0.5, 0.5], "run.train_shares: expected each entry once, found [0.5, 0.5]"),
        ("run", "train_shares", [0.25, 1.0], "run.train_shares.1: expected less than 1, found 1.0"),
        ("run", "train_shares", [0.0], "run.train_shares.0: expected more than 0, found 0.0"),
        ("run", "protocols", ["randm"], "run.protocols.0: expected 'official', 'random' or 'artist', found 'randm'"),
        ("dataset", "root", "elsewhere", "dataset.root: expected null"),
        ("dataset", "name", "../up", "dataset.name: expected"),
        ("mel", "n_mels", 16, "baselines.svm_mfcc.n_mfcc: expected at most mel.n_mels (16), found 20"),
        ("run", "models", [], "run.models: expected at least one entry, found []"),
        ("robustness", "encoder_steps", [0.7], "robustness.encoder_steps.0: expected a multiple of 0.5, found 0.7"),
        ("robustness", "mp3_kbps", [48], "robustness.mp3_kbps.0: expected 64, 80,"),
        (
            "robustness",
            "low_pass_hz",
            [1000.0, 22050.0],
            "robustness.low_pass_hz: expected less than half of audio.sample_rate (22050 Hz), found 22050.0",
        ),
        (
            "audio",
            "sample_rate",
            22050,
            "robustness.mp3_kbps: expected an empty list, since MPEG-1 knows no audio.sample_rate of 22050 Hz",
        ),
        ("train", "batch_size", 0, "train.batch_size: expected more than 0, found 0"),
        ("train", "augment", [{"name": "reverb", "p": 0.5}], "train.augment.0.name: expected one of 'gaussian_noise'"),
        ("index", "subset", True, "index.subset: expected 'small', 'medium', 'large' or 'full', found true"),
    ],
)
def test_one_fault(tmp_path: Path, block: str, key: str, value: object, fault: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check(written(tmp_path, lambda params: params[block].update({key: value})))
    assert fault in str(caught.value)


def test_a_probe_that_changes_nothing_is_refused(tmp_path: Path) -> None:
    def empty(params: Any) -> None:
        params["robustness"].update({key: [] for key in params["robustness"] if key not in ("tracks", "encoder_steps")})

    with pytest.raises(
        SettingsError, match=r"robustness: expected a strength in one of time_shift_s, .*, mp3_kbps, found"
    ):
        check(written(tmp_path, empty))


def test_minimum_above_maximum(tmp_path: Path) -> None:
    path = written(tmp_path, lambda params: params["train"]["augment"][0].update(min_amplitude=0.5))
    with pytest.raises(SettingsError, match=r"max_amplitude: expected at least min_amplitude \(0.5\), found 0.015"):
        check(path)


def test_the_settings_stage_asks_the_networks_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(params: Any) -> None:
        params["models"]["crnm"] = params["models"].pop("crnn")
        params["run"]["models"] = ["crnm", "cnn2d"]
        params["compare"]["focus"] = "crnm"
        params["mel"]["n_mels"] = 100

    written(tmp_path, spoil)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as caught:
        settings.main()
    assert f"models: expected one of {', '.join(MODELS)}, found 'crnm'. Did you mean crnn?" in str(caught.value)
    assert "n_mels" in str(caught.value)


WRONG: list[Any] = [None, "x", "", -1, 0, 1.5, float("inf"), True, [], {}, ["a"], [None], {"x": 1}, 10**12]
FOREIGN = ("expected expected", "Input", "input should", "string should", "valid boolean", "discriminator", "NoneType")


def leaves(value: Any, *place: str | int) -> Iterator[tuple[str | int, ...]]:
    """List the place of every key and of every entry of a list."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in entries:
        yield (*place, key)
        yield from leaves(part, *place, key)


def test_every_message_is_in_the_words_of_params_yaml() -> None:
    sound = read_document(ROOT / "params.yaml")
    sound["models"]["crnn"]["train"] = copy.deepcopy(sound["train"])
    n_messages = 0
    for *parents, key in leaves(sound):
        for value in WRONG:
            document = copy.deepcopy(sound)
            block: Any = document
            for parent in parents:
                block = block[parent]
            block[key] = value
            where = ".".join(map(str, (*parents, key)))
            for fault in faults_of(Params, document):
                assert fault.startswith(where), fault
                assert not any(words in fault for words in FOREIGN), fault
                assert re.search(": expected .*, found .", fault), fault
                n_messages += 1
    assert n_messages > 1000


def test_a_fault_has_no_others_in_its_wake(tmp_path: Path) -> None:
    def spoil(params: Any) -> None:
        params["audio"]["sample_rate"] = -1  # of which mel.fmax, the low-pass and MP3's bit rates depend
        params["mel"]["hop_length"] = 1.5
        params["run"]["protocols"] = [None]
        params["models"]["crnn"] = None

    with pytest.raises(SettingsError, match=r"params\.yaml: 4 faults"):
        check(written(tmp_path, spoil))
