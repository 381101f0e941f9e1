"""F23, faults of params.yaml: all of them in one message, status 2, and nothing is written."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fmagc.runtime.entrypoint import run_stage
from stages import fetch, index, settings
from tests.support.metadata_project import Project, assert_one_message

Capture = pytest.CaptureFixture[str]
PARAMS = Path("params.yaml")


def refusal(project: Project, capsys: Capture, *, n_faults: int) -> str:
    """Let the stage settings refuse the file as it now is."""
    message = project.refusal_of(settings.main, capsys, status=2)
    assert message.startswith(f"error: params.yaml: {n_faults} fault{'s' if n_faults > 1 else ''}\n  ")
    assert message.endswith("\nCorrect the file and run again; `dvc checkout` restores the outputs.\n")
    return message


def test_a_sound_file_passes(project: Project) -> None:
    assert run_stage(settings.main) == 0


def test_faults_of_every_kind_make_one_message(project: Project, capsys: Capture) -> None:
    def spoil(params: Any) -> None:
        del params["evaluate"]  # a missing section
        params["trian"] = params.pop("train")  # a misspelt one
        params["mel"]["hop_lenght"] = params["mel"].pop("hop_length")
        params["audio"]["sample_rate"] = "44100"
        params["audio"]["timeout_s"] = float("nan")
        params["audio"]["max_seconds"] = float("inf")
        params["clip"] = 524288  # a value for a block
        params["index"]["subset"] = "tiny"
        params["run"]["models"] = "crnn"  # text for a list
        params["run"]["seeds"] = [0, 0.5, -1, True]
        params["models"]["cnn1d"]["weight_decay"] = "1e-5"
        params["models"]["cnn2d"]["dropout"] = None

    project.change_params(spoil)
    message = refusal(project, capsys, n_faults=16)
    for fault in (
        "evaluate: expected this key, found nothing",
        "train: expected this key, found nothing",
        "trian: expected no such key, found {",
        "mel.hop_length: expected this key, found nothing",
        "mel.hop_lenght: expected no such key, found 1024. Did you mean hop_length?",
        "audio.sample_rate: expected an integer, found '44100' (text)",
        "audio.timeout_s: expected a finite number, found nan",
        "audio.max_seconds: expected a finite number, found inf",
        "clip: expected a block of keys, found 524288",
        "index.subset: expected 'small', 'medium', 'large' or 'full', found 'tiny' (text)",
        "run.models: expected a list, found 'crnn' (text)",
        "run.seeds.1: expected an integer, found 0.5",
        "run.seeds.2: expected at least 0, found -1",
        "run.seeds.3: expected an integer, found true",
        "models.cnn1d.weight_decay: expected a number, found '1e-5' (text)",
        "models.cnn2d.dropout: expected a number, found null",
    ):
        assert f"\n  {fault}" in message


def test_a_patch_that_a_model_cannot_read_is_refused_by_its_own_key(project: Project, capsys: Capture) -> None:
    project.change_params(lambda params: params["models"]["crnn"].update(patch_samples=8 * 1024))
    message = refusal(project, capsys, n_faults=1)
    assert (
        "\n  models.crnn.patch_samples: expected at least 16 frames, one step of the encoder of the mel, f" in message
    )


def test_every_repeated_key_is_named_with_its_lines(project: Project, capsys: Capture) -> None:
    lines = PARAMS.read_text(encoding="utf-8").splitlines()
    place = lines.index("  n_fft: 4096")
    lines[place] = "  n_fft: 4096\n  n_fft: 2048"
    lines += ["index: {subset: large}", "index: {subset: full}"]
    PARAMS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    first = lines.index("index:") + 1
    message = refusal(project, capsys, n_faults=2)
    assert f"\n  mel.n_fft: expected this key once, found it in lines {place + 1}, {place + 2}\n" in message
    assert f"\n  index: expected this key once, found it in lines {first}, {len(lines)}, {len(lines) + 1}\n" in message


def test_numbers_are_those_of_yaml_1_2(project: Project, capsys: Capture) -> None:
    text = PARAMS.read_text(encoding="utf-8")
    PARAMS.write_text(text.replace("lr: 0.001", "lr: 1e-3", 1), encoding="utf-8")
    assert run_stage(settings.main) == 0, "a number, as DVC reads it"
    PARAMS.write_text(text.replace("lr: 0.001", "lr: '1e-3'", 1), encoding="utf-8")
    assert "train.lr: expected a number, found '1e-3' (text)" in refusal(project, capsys, n_faults=1)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "expected blocks of keys, found None"),
        (b"x" * 100_000, "expected blocks of keys, found 'xxx"),
        (b"feature,chroma\nstatistics,kurtosis\n2,7.18\n", "expected blocks of keys, found 'feature,chroma statistics"),
        (b"mel: [", "expected YAML in UTF-8, found a fault: while parsing a flow"),
        (b"mel:\n\tn_fft: 1\n", "expected YAML in UTF-8, found a fault: while scanning for the next token"),
        (b"mel: caf\xe9\n", "expected YAML in UTF-8, found a fault: 'utf-8' codec can't decode byte 0xe9"),
        ("mel: 1".encode("utf-16"), "expected YAML in UTF-8, found a fault: 'utf-8' codec can't decode byte 0xff"),
        (b"\x00\x01", "expected YAML in UTF-8, found a fault: unacceptable character #x0000"),
        (b"[" * 1_000, "found brackets nested too deep to read"),
        (b"mel: " + b"9" * 5_000, "expected YAML in UTF-8, found a fault: Exceeds the limit"),
        (b"mel: 2001-99-99", "expected YAML in UTF-8, found a fault: month must be in 1..12"),
        (b"mel: !!python/object/apply:os.system ['touch canary']", "could not determine a constructor for the tag"),
        (b"mel: 1\n---\nmel: 2\n", "expected a single document in the stream"),
    ],
    ids=lambda value: value[:12] if isinstance(value, bytes) else "",
)
def test_what_is_no_yaml_of_ours(project: Project, capsys: Capture, content: bytes, fault: str) -> None:
    PARAMS.write_bytes(content)
    assert fault in refusal(project, capsys, n_faults=1)
    assert not Path("canary").exists()


@pytest.mark.parametrize("block", ["dataset:", "audio:"])
def test_aliases_that_would_fill_the_memory_are_told_briefly(project: Project, capsys: Capture, block: str) -> None:
    levels = [f"- &x{level} [{', '.join([f'*x{level - 1}'] * 9)}]" for level in range(1, 30)]
    sound = PARAMS.read_text(encoding="utf-8").replace("dataset:", "other:", 1)
    PARAMS.write_text("\n".join(["bomb:", "- &x0 [lol]", *levels, f"{block} *x29", sound]), encoding="utf-8")
    message = project.refusal_of(settings.main, capsys, status=2)
    assert ("audio: expected this key once" if block == "audio:" else "dataset: expected a block of keys") in message


@pytest.mark.parametrize(
    "value", [None, True, -1, 10**400, float("nan"), "x", [], [[]], {}, [{1: 2}]], ids=lambda value: str(value)[:9]
)
def test_a_value_of_any_type_anywhere_is_a_fault_and_no_traceback(
    project: Project, capsys: Capture, value: object
) -> None:
    def spoil(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: spoil(entry) for key, entry in node.items()}
        return [*node, value] if isinstance(node, list) else value

    yaml = YAML(typ="safe", pure=True)
    yaml.dump(spoil(yaml.load(PARAMS)), PARAMS)
    assert project.refusal_of(settings.main, capsys, status=2).count("\n  ") > 20


def test_a_stage_refuses_its_own_block(project: Project, capsys: Capture) -> None:
    project.change_params(lambda params: params["index"].update(subset="tiny", subsets="small"))
    message = project.refusal_of(index.main, capsys, status=2)
    assert message.startswith("error: params.yaml: 2 faults\n")
    project.change_params(lambda params: params.pop("dataset"))
    assert "dataset: expected a block of keys, found nothing" in project.refusal_of(fetch.main, capsys, status=2)


def test_the_commands_leave_with_status_2(project: Project) -> None:
    project.change_params(lambda params: params["index"].update(subset="tiny"))
    before = project.tree()
    for stage in ("settings", "index"):
        refused = project.command(stage)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert_one_message(refused.stderr)
    PARAMS.unlink()
    missing = project.command("fetch")
    assert missing.returncode == 2
    assert "found none: run from the project's folder" in missing.stderr
    assert project.tree() == {path: content for path, content in before.items() if path != "params.yaml"}
