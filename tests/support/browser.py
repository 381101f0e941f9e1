"""Headless Chromium for tests, where the machine has it."""

import json
import os
import shutil
from pathlib import Path

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# Chromium refuses to run as root with its sandbox; what a page could ask of other hosts ends at the name.
OPTIONS = ["--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost"]
OPTIONS += ["--no-sandbox"] if os.geteuid() == 0 else []


def asked_by_pages(net_log: Path) -> list[str]:
    """List the addresses in a log of `--log-net-log` for which pages or their workers asked.

    Chromium asks its maker for things of its own; those requests have no page that began them.
    """
    requests = (event.get("params", {}) for event in json.loads(net_log.read_text())["events"])
    return [it["url"] for it in requests if "url" in it and it.get("initiator", "not an origin") != "not an origin"]
