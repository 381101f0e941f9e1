"""plots/report.html of the mini corpus, as a browser and as a parser read it."""

import html
import json
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.support.project import Project

VOID = {"meta", "img", "br", "hr", "link", "input", "col"}
LOADS = {"src", "srcset", "href", "action", "data", "poster", "background"}
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
WIDTHS = (1280, 390)

# Frames have the width that is wanted, where a window may refuse to be as narrow as a phone.
HARNESS = """<!DOCTYPE html><body>
{frames}
<pre id="seen"></pre>
<script>
addEventListener("load", () => {{
  const frames = [...document.querySelectorAll("iframe")];
  document.getElementById("seen").textContent = JSON.stringify(frames.map((frame) => {{
    const page = frame.contentDocument, root = page.documentElement;
    const beyond = [...page.querySelectorAll("body *")].filter((part) =>
      !part.parentElement.closest(".scroll") && part.getBoundingClientRect().right > root.clientWidth + 1);
    return {{
      width: root.clientWidth,
      content: root.scrollWidth,
      beyond: beyond.map((part) => part.tagName + " " + part.textContent.slice(0, 60)),
      unseen: [...page.images].filter((image) => !image.complete || image.naturalWidth === 0).map((image) => image.alt),
      paper: frame.contentWindow.getComputedStyle(page.body).backgroundColor,
      ink: frame.contentWindow.getComputedStyle(page.body).color,
    }};
  }}));
}});
</script></body>
"""


class Outline(HTMLParser):
    """The elements of a page, and the places where they are not nested."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(text)
        self.close()
        self.faults += [f"{tag} is left open" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> in line {self.getpos()[0]} closes another element")


@pytest.fixture(scope="module")
def text(pipeline: Project) -> str:
    return (pipeline.root / "plots/report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def outline(text: str) -> Outline:
    return Outline(text)


def test_elements_are_nested_and_names_are_there_once(outline: Outline) -> None:
    assert outline.faults == []
    ids = Counter(attributes["id"] for _, attributes in outline.tags if "id" in attributes)
    assert [name for name, n in ids.items() if n > 1] == []
    links = {attributes["href"].removeprefix("#") for tag, attributes in outline.tags if tag == "a"}
    assert links == set(ids), "contents and sections"


def test_every_picture_has_an_alternative_in_words(outline: Outline) -> None:
    pictures = [attributes for tag, attributes in outline.tags if tag == "img"]
    assert len(pictures) >= 15
    assert all(len(attributes["alt"]) > 20 for attributes in pictures)
    assert len({attributes["alt"] for attributes in pictures}) == len(pictures)


def test_nothing_is_loaded_and_nothing_runs(text: str, outline: Outline) -> None:
    addresses = [attributes[name] for _, attributes in outline.tags for name in LOADS & set(attributes)]
    assert [address[:60] for address in addresses if not address.startswith(("data:image/", "#"))] == []
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in outline.tags}
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style


def test_what_it_says_is_what_the_files_say(pipeline: Project, text: str) -> None:
    plain = html.unescape(re.sub(r"<[^>]+>", " ", text))
    cleaning = json.loads((pipeline.root / "metrics/cleaning.json").read_text())
    assert f"{cleaning['requested']} tracks were requested and {cleaning['accepted']} accepted" in plain
    metrics = json.loads((pipeline.root / "metrics/models/official/crnn.json").read_text())
    assert f"{metrics['macro_f1']:.3f} [{metrics['macro_f1_low']:.3f}, {metrics['macro_f1_high']:.3f}]" in plain
    card = json.loads((pipeline.root / "data/models/official/crnn/0/config.json").read_text())
    assert card["weights"] in plain
    assert f"{card['parameters']:,} parameters" in plain
    assert "synthesised" not in plain.split("Model cards")[0], "the mini corpus is not the demo"


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_a_browser_shows_it_whole_on_desk_and_phone_by_day_and_night(text: str, tmp_path: Path) -> None:
    frames = [f'<iframe width="{width}" height="900" srcdoc="{html.escape(text)}"></iframe>' for width in WIDTHS]
    (tmp_path / "harness.html").write_text(HARNESS.format(frames="\n".join(frames)), encoding="utf-8")
    papers = set()
    for scheme in (0, 1):  # dark, light
        for seen, width in zip(_browse(tmp_path, scheme=scheme), WIDTHS, strict=True):
            assert width - 20 <= seen["width"] <= width  # less a scroll bar
            assert seen["content"] <= seen["width"], seen["beyond"]
            assert seen["beyond"] == []
            assert seen["unseen"] == []
            assert seen["paper"] != seen["ink"]
            papers.add((scheme, seen["paper"]))
    assert len(papers) == 2


def _browse(folder: Path, *, scheme: int) -> list[dict[str, object]]:
    assert BROWSER
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    command += [f"--blink-settings=preferredColorScheme={scheme}", "--dump-dom", (folder / "harness.html").as_uri()]
    shown = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=900).stdout
    # the last one: the page in a frame's attribute might have such an element, too
    found: list[dict[str, object]] = json.loads(html.unescape(re.findall(r'<pre id="seen">(.*?)</pre>', shown)[-1]))
    return found
