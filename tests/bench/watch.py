"""Measure what a command and all processes below it take, from /proc while it runs."""

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Seen", "watch", "workers_of"]

_TICKS = os.sysconf("SC_CLK_TCK")  # a second


@dataclass(kw_only=True)
class Seen:
    """A process as it was last seen; all but the time is as good as at its end, since it only grows.

    Attributes
    ----------
    parent : int
        The first: an orphan gets another.
    command : str
        Its arguments, one space after each.
    first_s, last_s : float, s
        When it was seen, from the beginning of the watch.
    peak_mib : float, MiB
        Largest resident set; of mapped files it counts what was in memory.
    core_s : float, s
        Time of a core, in the process and in the kernel.
    """

    parent: int
    command: str
    first_s: float
    last_s: float = 0.0
    peak_mib: float = 0.0
    core_s: float = 0.0


def watch(process: "subprocess.Popen[str]", *, every_s: float) -> dict[int, Seen]:
    """Look at a command and at what descends from it until it ends; return the processes by their ids."""
    seen: dict[int, Seen] = {}
    others = {0}  # looked at once and found to be none of these; 0 is the parent of the first process
    started = time.monotonic()
    while process.poll() is None:
        there = {0} | {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
        others &= there
        for pid in sorted(there - others):
            parent = _look_at(pid, seen, of=process.pid, now_s=time.monotonic() - started)
            if parent in others and pid not in seen:  # where numbers start anew, a child comes before its parent
                others.add(pid)
        time.sleep(every_s)
    return seen


def workers_of(stage: int, seen: Mapping[int, Seen]) -> list[float]:
    """Return the peaks (MiB) of the workers of a stage, smallest first: a server that the stage starts forks them."""
    servers = {pid for pid, it in seen.items() if it.parent == stage and "forkserver" in it.command}
    return sorted(it.peak_mib for it in seen.values() if it.parent in servers)


def _look_at(pid: int, seen: dict[int, Seen], *, of: int, now_s: float) -> int | None:
    """Note a process if it is one of those that are watched; return its parent, None if the process is gone."""
    folder = Path(f"/proc/{pid}")
    try:
        status = dict(line.split(":", 1) for line in (folder / "status").read_text(encoding="utf-8").splitlines())
        command = (folder / "cmdline").read_text(encoding="utf-8").replace("\0", " ")
        fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:  # gone meanwhile
        return None
    parent = int(status["PPid"])
    watched = pid == of or pid in seen or parent in seen
    if watched and "VmHWM" in status:  # a process that has ended and is not yet waited for has no memory
        it = seen.setdefault(pid, Seen(parent=parent, command=command, first_s=now_s))
        it.command, it.last_s = command, now_s  # what was forked has its parent's arguments until it starts its own
        it.peak_mib = round(int(status["VmHWM"].split()[0]) / 1024, 1)
        it.core_s = sum(map(int, fields[11:13])) / _TICKS
    return parent
