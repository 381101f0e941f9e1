"""Headless Chromium for tests, where the machine has it."""

import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# Chromium refuses to run as root with its sandbox; what a page could ask of other hosts ends at the name.
OPTIONS = ["--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost"]
OPTIONS += ["--no-sandbox"] if os.geteuid() == 0 else []
SOON_MS = 120_000  # on a busy machine


def asked_by_pages(net_log: Path) -> list[str]:
    """List the addresses in a log of `--log-net-log` for which pages or their workers asked.

    Chromium asks its maker for things of its own; those requests have no page that began them.
    """
    requests = (event.get("params", {}) for event in json.loads(net_log.read_text())["events"])
    return [it["url"] for it in requests if "url" in it and it.get("initiator", "not an origin") != "not an origin"]


class Visit:
    """A visit to the exported page."""

    def __init__(self, context: Any, address: str) -> None:
        self.page = context.new_page()
        self.faults: list[str] = []
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(address)
        self.page.wait_for_selector("#waits", state="detached", timeout=SOON_MS)

    def choose(self, song: Path) -> None:
        """Choose a song and wait for its result, or for what is said in place of one."""
        self.page.set_input_files("#song", song)
        self.page.wait_for_selector("#result:not([hidden]), #failure:not(:empty)", timeout=SOON_MS)

    def probabilities(self) -> dict[str, float]:
        rows = self.page.locator(".bars tr").evaluate_all(
            "rows => rows.map(row => [row.cells[0].textContent, Number(row.querySelector('data').value)])"
        )
        return dict(rows)

    def says(self, where: str) -> str:
        said: str = self.page.inner_text(where)
        return said


@contextmanager
def served(root: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("localhost", 0), partial(_Quiet, directory=str(root))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
