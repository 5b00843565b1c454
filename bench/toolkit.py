"""What an author waits for: one command on one policy, and a thousand policies examined."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure, median, spread
from bench.scale import Scale

_TEMPLATES = Path(__file__).parent.parent / "policies" / "templates"
_POLICY = _TEMPLATES / "county-neighbours.json"
_POLICIES = 1000
_COMMAND_MS, _ALL_SECONDS = 300, 2.0


def toolkit(folder: Path, scale: Scale) -> list[Figure]:
    """Measure the commands of an author, each in a process of its own, interpreter and imports included."""
    verbs: Sequence[tuple[str, ...]] = (
        ("explain", str(_POLICY)),
        ("check", str(_POLICY), "--as", "did:web:ekby.example"),
        ("test", str(_POLICY)),
    )
    found = list[Figure]()
    for verb in verbs:
        times = [_run(*verb) for _ in range(scale.starts)]
        walls, spent = [wall * 1000 for wall, _ in times], [cpu * 1000 for _, cpu in times]
        note = f"one policy, {median(spent):.0f} ms of it CPU; {spread(walls)}"
        found.append(Figure(f"Toolkit: policies {verb[0]}", median(walls), "ms", ("at most", _COMMAND_MS), note))
    _many(folder)
    times = [_run("lint", str(folder)) for _ in range(scale.rounds)]
    walls, spent = [wall for wall, _ in times], [cpu for _, cpu in times]
    note = f"{_POLICIES} policies made from every template, {median(spent):.1f} s of it CPU; {spread(walls)}"
    return [*found, Figure("Toolkit: policies lint", median(walls), "s", ("at most", _ALL_SECONDS), note)]


def _many(folder: Path) -> None:
    """Write policies that differ, as those of a large installation do."""
    folder.mkdir(parents=True)
    known = [json.loads(file.read_bytes()) for file in sorted(_TEMPLATES.glob("*.json"))]
    for number in range(_POLICIES):
        document = {**known[number % len(known)], "dct:identifier": f"policy-{number}"}
        (folder / f"policy-{number:04}.json").write_text(json.dumps(document, ensure_ascii=False, indent=2))


def _run(*verb: str) -> tuple[float, float]:
    """Return the seconds that a command took, and those of them that it computed."""
    before, begun = _children(), time.perf_counter()
    command = [sys.executable, "-m", "connector", "policies", *verb, "--lang", "sv"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - begun, _children() - before


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system
