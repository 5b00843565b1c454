"""`make demo`: it tells what a newcomer should see, in both languages, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import telling
from tests.docs import pages

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
KEY_LINES = (
    "party", "company", "published", "origin", "approval", "pinned", "offered", "agreed", "brief", "waits",
    "approved_by", "reason", "same", "listed", "level", "changed", "readings", "cut", "cannot", "ended", "whole",
    "read", "figures",
)  # fmt: skip
MOVES = (
    ("request", "REQUESTED"),
    ("agreement", "AGREED"),
    ("verification", "VERIFIED"),
    ("finalized", "FINALIZED"),
    ("termination", "TERMINATED"),
)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "demo.run", *arguments]


def environ(folder: Path, language: str) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(folder), "DEMO_LANG": language}


def play(folder: Path, *arguments: str, language: str = "en", root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), check=False, cwd=root, env=environ(folder, language), capture_output=True, text=True, timeout=240
    )  # fmt: skip


def living_in(folder: Path) -> list[int]:
    """Return the processes that work in a folder, also one that has been removed."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where = (process / "cwd").readlink()
        except OSError:
            continue
        if str(where).startswith(str(folder)):
            found.append(int(process.name))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for pid in living_in(tmp_path):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("language", telling.LANGUAGES)
def test_the_demo_tells_its_story_and_leaves_nothing_behind(folder: Path, language: str) -> None:
    done = play(folder, language=language)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    texts = telling.load(language)
    for key in KEY_LINES:
        assert re.search(pages.as_template(texts["lines"][key]), done.stdout), key
    for scene in texts["scenes"].values():
        assert scene["title"] in done.stdout
        assert re.search(pages.as_template(scene["why"]), done.stdout)
    for move, state in MOVES:
        assert re.search(rf"{re.escape(texts['moves'][move])} +-> {state}", done.stdout)
    assert re.search(pages.as_template(texts["lines"]["cleared"]), done.stdout)
    if language == "en":
        _as_the_readme_shows(done.stdout)
    assert list(folder.iterdir()) == []
    assert living_in(folder) == []


def _as_the_readme_shows(told: str) -> None:
    """Compare with the excerpt of the README; ports and counts are other ones each time."""
    excerpt = next(block.text for block in pages.blocks(ROOT / "README.md") if block.language == "text")
    for line in excerpt.splitlines():
        pattern = re.sub(r"3A\d+|\d+(?=\\ records)", r"\\w+", re.escape(line))
        assert re.search(f"^{pattern}$", told, re.MULTILINE), line


def test_a_kept_stage_goes_on_with_the_printed_commands_and_ends_with_the_printed_one(folder: Path) -> None:
    done = play(folder, "--keep")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(living_in(folder)) == 4
    told = done.stdout.rpartition(telling.load("en")["lines"]["kept"])[2]
    *tries, stop = [line.strip() for line in told.splitlines() if re.match(r"  \w", line)]
    assert stop.startswith("kill ")
    went = subprocess.run(["bash", "-ec", "\n".join(tries)], check=False, capture_output=True, text=True, timeout=120)
    assert went.returncode == 0, went.stdout + went.stderr
    assert "FloodMonitoring" in went.stdout
    assert subprocess.run(["bash", "-ec", stop], check=False, timeout=60).returncode == 0
    assert list(folder.iterdir()) == []
    assert living_in(folder) == []


def test_a_failure_is_told_with_the_end_of_the_log_and_all_is_cleared(folder: Path) -> None:
    root = folder / "copy"
    shutil.copytree(ROOT / "demo", root / "demo", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "demo" / "policies" / "open.json").write_text('{"@type": "Offer", "permission": []}')
    done = play(folder, root=root)
    assert done.returncode == 1
    assert "The demo stops: `connector --home strangnas datasets add municipalities" in done.stderr
    assert "The end of the log:" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["copy"]
    assert living_in(folder) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_clears_up(folder: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        command(), cwd=ROOT, env=environ(folder, "en"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("2. "):
            break
    time.sleep(0.3)
    assert living_in(folder)
    process.send_signal(number)
    _, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint.strip()) == (130, telling.load("en")["failures"]["interrupted"])
    assert list(folder.iterdir()) == []
    assert living_in(folder) == []


def test_an_unknown_language_is_wrong_use(folder: Path) -> None:
    done = play(folder, language="no")
    assert (done.returncode, list(folder.iterdir())) == (2, [])
    assert "DEMO_LANG" in done.stderr
