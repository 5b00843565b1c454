"""From `exec` of `connector serve` to ready, and what it holds in memory when nothing happens."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from bench import machine
from bench.figures import Figure, median, spread
from bench.scale import Scale
from tests.acceptance import towns
from tests.acceptance.towns import Town

_IDLE_SECONDS = 3.0
_LONGEST_SECONDS = 30.0
_READY = 200


@dataclass(frozen=True, slots=True)
class Started:
    """One start: seconds until ready, CPU seconds until then, and the idle memory in megabytes."""

    seconds: float
    cpu: float
    memory: float


def start(folder: Path, scale: Scale) -> list[Figure]:
    """Start the program several times, the first time (files not yet read, database new) not counted."""
    town = asyncio.run(towns.found(folder, f"sqlite:///{folder}.db"))
    _start(town)
    found = [_start(town) for _ in range(scale.starts)]
    took = [one.seconds for one in found]
    return [
        Figure("Start to ready", median(took), "s", ("at most", 1.5), f"exec to /health/ready; {spread(took)}"),
        Figure("Start to ready, CPU", median([one.cpu for one in found]), "s CPU", None, "steadier than wall time"),
        Figure(
            "Idle memory",
            median([one.memory for one in found]),
            "MB",
            ("at most", 100),
            "resident, SQLite, after start",
        ),
    ]


def _start(town: Town) -> Started:
    program = shutil.which("connector", path=str(Path(sys.executable).parent))
    assert program is not None
    began = time.perf_counter()
    popen = subprocess.Popen(
        [program, "serve", "--home", town.home], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not _ready(town.admin):
            assert popen.poll() is None
            assert time.perf_counter() - began < _LONGEST_SECONDS
            time.sleep(0.01)
        took, cpu = time.perf_counter() - began, machine.cpu_seconds(popen.pid)
        time.sleep(_IDLE_SECONDS)
        return Started(took, cpu, machine.memory(popen.pid).now)
    finally:
        popen.terminate()
        popen.wait()


def _ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == _READY
    except OSError:
        return False
    finally:
        connection.close()
