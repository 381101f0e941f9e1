"""The page that `dvc plots show` fills: it holds the drawing code itself, so that it works without a network.

DVC's own page loads three scripts from a public server. This module writes `.dvc/plots/offline.html`, which carries
them inside; `.dvc/config` names it as `plots.html_template`. Run it again only to take newer scripts::

    npm install vega@5 vega-lite@5 vega-embed@6
    fmagc plot-page node_modules/vega/build/vega.min.js \\
        node_modules/vega-lite/build/vega-lite.min.js node_modules/vega-embed/build/vega-embed.min.js
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fmagc.errors import DataError
from fmagc.runtime import files

__all__ = ["build_page", "licence_notices", "plot_page"]

_PAGE = Path(".dvc/plots/offline.html")
# Dependencies for shell commands, node and TypeScript, which the browser builds leave out.
_NOT_BUNDLED = {"yargs", "commander", "iconv-lite", "rw", "node-fetch", "@types/estree", "@types/geojson"}

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<!-- The browser itself refuses every request that would leave the machine. -->
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval';
 style-src 'unsafe-inline'; img-src 'self' file: data: blob:">
<title>fmagc: learning curves, confusion matrices, figures</title>
<style>
  :root { color-scheme: light; }
  body { margin: 0 auto; max-width: 1840px; padding: 1rem 1.25rem 4rem; background: #fafafa; color: #1a1a1a;
         font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; }
  h1 { font-size: 1.5rem; margin: .5rem 0 0; }
  h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
  summary { cursor: pointer; margin: 2rem 0 .5rem; font-size: 1.15rem; font-weight: bold; }
  .hint { color: #555; margin: .25rem 0 .75rem; }
  #plots > div, .group > div { box-sizing: border-box; max-width: 100%; margin: 0 0 1rem; padding: .75rem;
         background: #fff; border: 1px solid #e3e3e3 !important; border-radius: 6px; overflow-x: auto !important; }
  .group > div { margin: 0 .5rem 1rem 0 !important; vertical-align: top; }
  .group > div[id^="plots_"] p { margin: .1rem .4rem; color: #555; text-align: left; }
  .group > div > div:has(> img) { border: 0 !important; margin: 0 !important; max-width: 100%; vertical-align: top; }
  .group img { max-width: 100%; height: auto; }
  .fault { padding: .5rem .75rem; color: #8a1c00; background: #fff1ec; white-space: pre-wrap; }
  .vega-embed { padding-right: 38px !important; }
</style>
"""

_DRAW = """
const drawChart = window.vegaEmbed;
window.vegaEmbed = (target, spec) => drawChart(target, spec, {
  renderer: "svg",
  actions: { export: true, source: false, compiled: false, editor: false },  // the editor is a web site
}).catch((fault) => {
  const note = document.createElement("div");
  note.className = "fault";
  note.textContent = `This chart could not be drawn: ${fault.message}`;
  document.querySelector(target).append(note);
});
"""

_ARRANGE = """
const groups = [
  ["Learning curves", "Thin lines are seeds, thick lines their mean. Click a model in the legend to single it out.",
   (id) => /^learning/i.test(id), false],
  ["Confusion matrices", "Test tracks of all seeds. Rows are true genres and sum to 1.",
   (id) => /confusion/i.test(id) && !/_png$/.test(id), false],
  ["Results and data", "", (id) => /_(png|svg|jpg|jpeg)$/.test(id), false],
  ["Each training by itself", "Colour is the revision.", (id) => /^plots_history/.test(id), true],
  ["Other charts", "", () => true, false],
];
const plots = document.getElementById("plots");
const charts = [...plots.children];
for (const [name, hint, belongs, folded] of groups) {
  const members = charts.filter((chart) => chart.parentElement === plots && belongs(chart.id));
  if (members.length === 0) continue;
  const group = document.createElement(folded ? "details" : "section");
  const title = document.createElement(folded ? "summary" : "h2");
  title.textContent = name;
  const note = document.createElement("p");
  note.className = "hint";
  note.textContent = hint;
  group.className = "group";
  group.append(title, note, ...members);
  document.body.append(group);
}
"""


def _installed(package: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield folder and package.json of an npm package and of its dependencies next to it, each once."""
    waiting, seen = [package.name], set()
    while waiting:
        folder = package.parent / waiting.pop(0)
        if folder in seen or not (folder / "package.json").is_file():
            continue
        seen.add(folder)
        about = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        yield folder, about
        waiting.extend(sorted(set(about.get("dependencies", {})) - _NOT_BUNDLED))


def _repository(about: dict[str, Any]) -> str:
    """Return where a package says its source lives, in one of npm's two spellings."""
    source = about.get("repository", "")
    url = source["url"] if isinstance(source, dict) else source
    return str(url).removeprefix("git+").removesuffix(".git").rpartition("github.com/")[2]


def _licence(folder: Path) -> str | None:
    """Return the text of a package's licence file, without trailing blanks, or None where it has none."""
    for file in sorted(folder.glob("LICEN[SC]E*")):
        return "\n".join(line.rstrip() for line in file.read_text(encoding="utf-8").strip().splitlines())
    return None


def licence_notices(package: Path) -> str:
    """Return the names, versions and licence texts of an npm package and of the packages that its build bundles.

    Some of vega's packages are published without their licence file: they get that of another installed package
    from the same source repository.

    Parameters
    ----------
    package : Path
        A folder `node_modules/<name>`.

    Raises
    ------
    DataError
        When neither a package nor another one of its repository holds a licence file.
    """
    of_repository: dict[str, str] = {}
    for manifest in sorted(package.parent.glob("*/package.json")):
        if text := _licence(manifest.parent):
            of_repository.setdefault(_repository(json.loads(manifest.read_text(encoding="utf-8"))), text)
    owners: dict[str, list[str]] = {}
    for folder, about in _installed(package):
        found = _licence(folder) or of_repository.get(_repository(about))
        if found is None:
            raise DataError(f"{folder}: expected a LICENSE file to pass on, found none: run `npm install` again")
        owners.setdefault(found, []).append(f"{about['name']} {about['version']}")
    return "\n\n".join(f"{', '.join(names)}\n\n{text}" for text, names in owners.items())


def build_page(scripts: Sequence[Path]) -> str:
    """Return the HTML page with the scripts inside and DVC's placeholder for the charts.

    Parameters
    ----------
    scripts : sequence of Path
        The browser builds of vega, vega-lite and vega-embed, in this order, each at
        `node_modules/<name>/build/<name>.min.js`.

    Raises
    ------
    DataError
        When a script is missing or holds text that would end its own element.
    """
    parts = [_HEAD]
    for script in scripts:
        try:
            code = script.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            raise DataError(f"{script}: expected a browser build, found no file: run `npm install` first") from None
        for forbidden in ("</script", "<!--", "{plot_divs}", "{scripts}", "{refresh_tag}"):
            if forbidden in code:
                raise DataError(f"{script}: expected code that can stand in a page, found {forbidden!r} in it")
        # A notice may hold two hyphens in a row, which would end an HTML comment early in strict readers.
        notices = licence_notices(script.parent.parent).replace("--", "- -")
        parts.append(
            f"<!--\n{notices}\n-->\n<script>\n{code.partition('//# sourceMappingURL')[0].strip()}\n</script>\n"
        )
    parts.append(f"<script>{_DRAW}</script>\n</head>\n<body>\n<h1>fmagc</h1>\n")
    parts.append(f'<div id="plots">\n{{plot_divs}}\n</div>\n<script>{_ARRANGE}</script>\n</body>\n</html>\n')
    return "".join(parts)


def plot_page(scripts: Sequence[Path]) -> None:
    """Write the offline page of `dvc plots show`."""
    files.write_text(_PAGE, build_page(scripts))
    print(f"{_PAGE}: written")  # noqa: T201
