"""What Linux tells of processes and of the machine."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of a process in megabytes: now, and its peak since `forget_peak`."""

    now: float
    peak: float


def memory(pid: int) -> Memory:
    """Return a process's memory (proc(5), "status")."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    told = {name: value for name, _, value in (line.partition(":") for line in lines)}
    now, peak = (int(told[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))
    return Memory(now, peak)


def forget_peak(pid: int) -> None:
    """Let a process's peak begin anew (proc(5), "clear_refs")."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a running process, its children's not counted (proc(5), "stat")."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def sync_seconds(folder: Path, count: int = 100) -> float:
    """Return the median seconds of writing one page and having it on the disk."""
    took = list[float]()
    with (folder / "synced").open("wb") as file:
        for _ in range(count):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    return statistics.median(took)


def facts() -> str:
    """Return what the figures depend on, with no date."""
    return f"{os.cpu_count()} CPUs, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
