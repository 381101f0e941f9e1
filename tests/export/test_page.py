"""The exported page in headless Chromium: what it computes, what it asks for, and what it says."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from fmagc.audio.ffmpeg import ffmpeg_program
from fmagc.audio.raw_audio import excerpt_starts
from fmagc.cache.clip_starts import evenly_spaced
from tests.support.audio_files import mp3, music
from tests.support.browser import BROWSER, OPTIONS, SOON_MS, Visit, asked_by_pages, served
from tests.support.dag import ROOT

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
sync_api = pytest.importorskip("playwright.sync_api")

from fmagc import load_model  # noqa: E402
from fmagc.export.web import NPM_PACKAGE, export_web  # noqa: E402
from fmagc.inference.predictor import Prediction  # noqa: E402
from tests.support.data_folder import CLIP_SAMPLES, MEL, SR  # noqa: E402
from tests.support.trained_model import write_model  # noqa: E402

NODE_MODULES = ROOT / "node_modules"
GENRES = ("Electronic", "Folk", "Hip-Hop", "Instrumental", "International", "Pop", "Rock", "Soul-RnB")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(
        not (NODE_MODULES / NPM_PACKAGE).is_dir(),
        reason=f"no {NPM_PACKAGE} in node_modules",
    ),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network whose probabilities differ from clip to clip."""
    folder = tmp_path_factory.mktemp("model")
    settings: dict[str, Any] = {"genres": GENRES, "clip_samples": CLIP_SAMPLES, "sample_rate": SR, "mel": MEL}
    return write_model(folder, "crnn", **settings, sharpness=40)


@pytest.fixture(scope="module")
def address(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page, below a folder of a plain static server."""
    root = tmp_path_factory.mktemp("site")
    export_web(model, root / "music" / "genres", node_modules=NODE_MODULES)
    with served(root) as host:
        yield f"{host}/music/genres/"


@pytest.fixture(scope="module")
def launch() -> Iterator[Callable[..., Any]]:
    """Start Chromium with further options."""
    with sync_api.sync_playwright() as playwright:
        yield lambda *options: playwright.chromium.launch(executable_path=BROWSER, args=[*OPTIONS, *options])


@pytest.fixture(scope="module")
def opened(launch: Callable[..., Any], address: str) -> Iterator[Visit]:
    with launch() as browser, browser.new_context() as context:
        yield Visit(context, address)


@pytest.fixture
def visit(opened: Visit) -> Iterator[Visit]:
    """The same visit in all tests, since a page takes seconds to load; its console stays empty."""
    yield opened
    assert opened.faults == []


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven seconds of music, in stereo: three excerpts of the model."""
    path = tmp_path_factory.mktemp("songs") / "a song & more.mp3"
    path.write_bytes(mp3(music(7 * SR)))
    return path


def named(prediction: Prediction) -> dict[str, float]:
    return dict(zip(prediction.genres, prediction.probabilities.tolist(), strict=True))


def test_the_page_gives_the_probabilities_of_predict(visit: Visit, model: Path, song: Path) -> None:
    expected = load_model(model).predict(song)
    assert np.ptp(expected.clips, axis=0).max() > 0.2  # or any clips would do
    visit.choose(song)
    found = visit.probabilities()
    assert list(found) == [genre for genre, _ in expected.top(len(GENRES))]
    assert found == pytest.approx(named(expected), abs=0.01)
    assert visit.says("#warning").startswith("The model was trained on the demo")
    assert visit.says("#facts") == f"0:07 long, {len(expected.clips)} clips of {CLIP_SAMPLES / SR:.1f} s"
    best = ", ".join(f"{genre} {p:.2f}" for genre, p in expected.top(3))
    assert visit.says("#status") == f"{song.name}: {best}"


def test_the_charts_have_words(visit: Visit, model: Path, song: Path) -> None:
    visit.choose(song)
    expected = load_model(model).predict(song)
    assert [chart.get_attribute("aria-label").split(":")[0] for chart in visit.page.get_by_role("img").all()] == [
        f"Waveform, and the probabilities of {len(expected.clips)} clips below it, highest on average",
        "Log-mel spectrogram",
    ]
    rows = visit.page.locator("details tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    assert len(rows) == len(expected.clips)
    assert rows[0][0] == "0:00 to 0:01"
    order = expected.probabilities.argsort(kind="stable")[::-1]
    shown = np.array([row[1:] for row in rows], dtype=float)
    assert shown[:, :6] == pytest.approx(expected.clips[:, order[:6]], abs=0.015)
    assert shown.sum(axis=1) == pytest.approx(1, abs=0.04)


@pytest.mark.parametrize("rate", [SR, 22_050])
def test_a_channel_that_cancels_another_is_left_out(visit: Visit, model: Path, tmp_path: Path, rate: int) -> None:
    y = music(3 * rate, sr=rate, channels=1)
    path = tmp_path / "apart.wav"
    soundfile.write(path, np.concatenate([y, -y], axis=1), rate)
    visit.choose(path)
    expected = load_model(model).predict(path)
    assert visit.probabilities() == pytest.approx(named(expected), abs=0.05)


def test_excerpts_and_clips_lie_where_python_places_them(visit: Visit) -> None:
    lengths = [1, 59, 60, 61, 100, 101, 102, 119, 120, 121, 199, 200, 201, 250, 333, 1000, 12_345, 1_323_119, 7_654_321]
    cases = [(n, keep) for n in lengths for keep in (60, 100, 101, 44_100, 1_323_000) if n < 300 * keep]
    found = visit.page.evaluate(
        "async (cases) => { const { excerptStarts } = await import('./excerpts.js');"
        " return cases.map(([n, keep]) => excerptStarts(n, keep)); }",
        cases,
    )
    assert found == [excerpt_starts(n, keep=keep, whole=True) for n, keep in cases]
    clips = [(n, of, k) for n in (64, 65, 127, 128, 129, 1291, 1292) for of in (1, 7, 64) for k in (None, 1, 2, 3, 12)]
    found = visit.page.evaluate(
        "async (cases) => { const { evenlySpaced } = await import('./excerpts.js');"
        " return cases.map(([n, clipFrames, nClips]) => evenlySpaced(n, { clipFrames, nClips })); }",
        clips,
    )
    assert found == [evenly_spaced(n, clip_frames=of, n_clips=k) for n, of, k in clips]


def test_a_file_that_is_no_song_gets_a_line(visit: Visit, song: Path, tmp_path: Path) -> None:
    (tmp_path / "words.mp3").write_text("no music" * 1000)
    (tmp_path / "empty.mp3").touch()
    soundfile.write(tmp_path / "short.wav", music(SR)[: SR // 2], SR)
    _write_silence(tmp_path / "long.wav", seconds=3600)
    for name, said in {
        "words.mp3": "this browser cannot decode it",
        "empty.mp3": "this browser cannot decode it",
        "long.wav": "it is 60:00 long. Expected at most 30:00",
        "short.wav": f"it is 0.5 s long. The model needs {CLIP_SAMPLES / SR:.1f} s or more",
    }.items():
        visit.choose(tmp_path / name)
        assert visit.says("#failure").startswith(f"{name}: {said}")
        assert visit.says("#status") == ""
        assert visit.page.locator("#result, #work").evaluate_all("both => both.every(it => it.hidden)")
    visit.choose(song)
    assert visit.says("#failure") == ""


def test_a_song_that_declares_no_length_is_decoded(visit: Visit, model: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "song.wav", music(3 * SR), SR)
    streamed = tmp_path / "streamed.webm"  # a pipe cannot be rewound to write the length into the header
    command = [
        ffmpeg_program().path,
        "-v",
        "error",
        "-i",
        tmp_path / "song.wav",
        "-c:a",
        "libopus",
        "-f",
        "webm",
        "pipe:1",
    ]
    streamed.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    visit.choose(streamed)
    assert visit.says("#failure") == ""
    assert visit.probabilities() == pytest.approx(
        named(load_model(model, fallback="ffmpeg").predict(streamed)), abs=0.05
    )


def test_a_silent_song_is_called_silent(visit: Visit, song: Path, tmp_path: Path) -> None:
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(2 * SR), SR)
    for path, is_silent in ((silence, True), (song, False)):
        visit.choose(path)
        assert visit.page.locator("#silence").is_visible() == is_silent
        assert (visit.says("#status") == f"{path.name}: silent") == is_silent


def _write_silence(path: Path, *, seconds: int) -> None:
    """Write a WAV whose silence takes no place on the disk."""
    n_bytes, rate = seconds * 8_000, 8_000
    soundfile.write(path, np.zeros(2), rate, subtype="PCM_U8")
    header = bytearray(path.read_bytes()[:44])
    header[4:8], header[40:44] = (size.to_bytes(4, "little") for size in (36 + n_bytes, n_bytes))
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + n_bytes)


def test_a_song_is_dropped_alone(visit: Visit) -> None:
    drop = """(names) => {
        const dataTransfer = new DataTransfer();
        for (const name of names) dataTransfer.items.add(new File(["no music"], name));
        document.getElementById("zone").dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
    }"""
    visit.page.evaluate(drop, ["one.mp3", "two.mp3"])
    assert visit.says("#failure").startswith("expected one song, found 2 files")
    visit.page.evaluate(drop, ["one.mp3"])
    visit.page.get_by_text("one.mp3: this browser cannot decode it").wait_for(timeout=SOON_MS)


def test_a_song_in_work_is_cancelled_by_the_keyboard(visit: Visit, song: Path, tmp_path: Path) -> None:
    long = tmp_path / "long.wav"
    _write_silence(long, seconds=120)
    visit.page.set_input_files("#song", long)
    visit.page.locator("#progress[value]").wait_for(timeout=SOON_MS)
    visit.page.locator("#song").focus()
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Enter")
    assert visit.says("#status") == "Cancelled."
    assert visit.page.locator("#work, #result").evaluate_all("both => both.every(it => it.hidden)")
    assert visit.page.evaluate("document.activeElement.id") == "song"
    visit.choose(song)
    assert visit.says("#song-name") == song.name


def test_the_page_fits_its_window(visit: Visit, song: Path) -> None:
    visit.choose(song)
    visit.page.locator("details").evaluate("it => it.open = true")
    for width in (390, 1200):
        visit.page.set_viewport_size({"width": width, "height": 800})
        assert visit.page.evaluate("document.documentElement.scrollWidth") == width


def test_the_page_has_the_colours_that_its_reader_prefers(visit: Visit) -> None:
    for scheme, paper in {"dark": "rgb(20, 23, 26)", "light": "rgb(255, 255, 255)"}.items():
        visit.page.emulate_media(color_scheme=scheme)
        assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == paper


def test_many_genres_of_their_own_have_bars_and_lines(launch: Callable[..., Any], song: Path, tmp_path: Path) -> None:
    genres = [f"Genre {n:02d}" for n in range(25)]
    settings: dict[str, Any] = {"genres": genres, "clip_samples": CLIP_SAMPLES, "sample_rate": SR, "mel": MEL}
    model = write_model(tmp_path / "model", "cnn1d", **settings, sharpness=40, task="multi")
    export_web(model, tmp_path / "site", node_modules=NODE_MODULES)
    expected = load_model(model).predict(song)
    with served(tmp_path / "site") as host, launch() as browser, browser.new_context() as context:
        visit = Visit(context, host)
        visit.choose(song)
        assert visit.faults == []
        assert visit.probabilities() == pytest.approx(named(expected), abs=0.01)
        assert "of each genre on its own" in visit.says(".bars caption >> nth=0")
        least = expected.top(25)[20][1]
        assert visit.says("#genres summary") == f"5 other genres, each at most {least:.2f}"
        lines = visit.page.locator(".timeline path").evaluate_all(
            "paths => paths.map(path => [path.getBBox().y, path.getBBox().height, getComputedStyle(path).fill])"
        )
        order = expected.probabilities.argsort(kind="stable")[::-1][:6]
        p = expected.clips[:, order[::-1]]
        assert [-y for y, _, _ in lines] == pytest.approx(p.max(axis=0), abs=0.01)
        assert [height for _, height, _ in lines] == pytest.approx(np.ptp(p, axis=0), abs=0.01)
        assert {fill for _, _, fill in lines} == {"none"}
        visit.page.set_viewport_size({"width": 390, "height": 800})
        visit.page.locator("details").evaluate_all("all => all.forEach((it) => (it.open = true))")
        assert visit.page.evaluate("document.documentElement.scrollWidth") == 390


def test_nothing_is_asked_of_another_host(launch: Callable[..., Any], address: str, song: Path, tmp_path: Path) -> None:
    log = tmp_path / "requests.json"
    with launch(f"--log-net-log={log}") as own, own.new_context() as context:
        Visit(context, address).choose(song)
    asked = [url for url in asked_by_pages(log) if not url.startswith("blob:")]
    assert {url.removeprefix(address) for url in asked} >= {
        "base.css",
        "page.css",
        "main.js",
        "worker.js",
        "model.onnx",
    }
    assert [url for url in asked if not url.startswith(address)] == []
