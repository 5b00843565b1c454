"""Processes of our own: started with their output in files, waited for until they say that they are ready, ended by id."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from demo.failure import Failure

READY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 15.0
_PAUSE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Running:
    """A process, and the files that hold what it says (`out`) and logs."""

    name: str
    process: subprocess.Popen[bytes]
    out: Path
    log: Path

    @property
    def pid(self) -> int:
        """The id to end it by."""
        return self.process.pid


def start(name: str, command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Running:
    """Start a process that outlives a Ctrl-C meant for us; whoever starts it ends it."""
    out, log = folder / f"{name}.out", folder / f"{name}.log"
    with out.open("wb") as said, log.open("wb") as logged:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=logged, env=environ, cwd=folder, start_new_session=True
        )  # fmt: skip
    return Running(name, process, out, log)


def ready(running: Running) -> dict[str, Any]:
    """Return the JSON object that a process prints when it is ready. Raises Failure when it ends or takes too long."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        ended = running.process.poll() is not None
        said = _read(running.out)
        if said is not None:
            return said
        if ended:
            raise Failure("process_ended", running.log, name=running.name)
        time.sleep(_PAUSE_SECONDS)
    raise Failure("process_slow", running.log, name=running.name, seconds=int(READY_SECONDS))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def stop(processes: Iterable[Running]) -> None:
    """End processes and wait for them; one that does not heed is killed."""
    running = [item.process for item in processes]
    for process in running:
        process.terminate()
    end = time.monotonic() + _STOP_SECONDS
    for process in running:
        try:
            process.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
