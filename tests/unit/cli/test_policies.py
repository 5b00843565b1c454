"""`connector policies`: on files alone, for people and for programs."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.running import PROGRAM, run

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "policies" / "examples"
OPEN = EXAMPLES / "open.json"
PERIOD = EXAMPLES / "valid-period.json"


def written(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_lint_gives_programs_every_finding(tmp_path: Path) -> None:
    file = written(tmp_path / "p.json", {"permission": [{"action": "odrl:dance"}]})
    done = run("policies", "lint", file, "--json")
    assert done.code == 1
    first = done.json["findings"][-1]
    assert set(first) == {"rule", "severity", "file", "line", "column", "message", "fix"}
    assert (first["rule"], first["severity"], first["file"], first["line"]) == ("P302", "error", str(file), 1)
    assert run("policies", "lint", file, "--format", "json").json == done.json


def test_lint_tells_people_in_their_language(tmp_path: Path) -> None:
    file = written(tmp_path / "p.json", {"permission": [{"action": "odrl:dance"}]})
    assert f"{file}:1:28: fel P302: Handlingen odrl:dance är okänd." in run("policies", "lint", file).out
    assert "1 errors" not in run("policies", "lint", OPEN, "--lang", "en").out
    assert run("policies", "lint", OPEN).code == 0


def test_lint_reads_folders_and_leaves_the_profile_out() -> None:
    done = run("policies", "lint", ROOT / "policies", "--json")
    files = {each["file"] for each in done.json["findings"]}
    assert not any("profile" in file for file in files)
    assert {each["rule"] for each in done.json["findings"] if each["severity"] == "error"} == {"P403"}


def test_lint_finds_what_a_policy_inherits_in_its_folder(tmp_path: Path) -> None:
    written(tmp_path / "parent.json", {"@id": "urn:parent", "permission": [{"action": "use"}]})
    (tmp_path / "broken.json").write_text("{")
    child = written(tmp_path / "child.json", {"odrl:inheritFrom": ["urn:parent"], "permission": [{"action": "use"}]})
    assert "P701" not in {each["rule"] for each in run("policies", "lint", child, "--json").json["findings"]}


def test_a_path_that_is_not_there_is_wrong_use() -> None:
    done = run("policies", "lint", "/no/such/file.json", "--json")
    assert (done.code, done.problem["code"]) == (2, "cli_file_unreadable")


@pytest.mark.parametrize("typed", [("lint", OPEN)], ids=lambda typed: typed[0])
def test_policies_import_no_server_library(typed: tuple[Any, ...]) -> None:
    program = (
        "import sys; from connector.cli.main import main; main(None, sys.argv[1:], {});"
        "print([m for m in ('aiohttp', 'sqlalchemy', 'pydantic', 'cryptography', 'asyncio', 'ssl') if m in sys.modules])"
    )
    command = [sys.executable, "-c", program, "policies", *map(str, typed)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
@pytest.mark.parametrize("typed", [("lint", OPEN)], ids=lambda typed: typed[0])
def test_one_policy_is_answered_within_300_ms(typed: tuple[Any, ...]) -> None:
    """Processor time, which on a machine with nothing else to do is the time one waits."""

    def measured() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*PROGRAM, "policies", *map(str, typed)], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert statistics.median(measured() for _ in range(5)) < 0.3


@pytest.mark.slow
def test_a_thousand_policies_are_examined_within_two_seconds(tmp_path: Path) -> None:
    texts = [path.read_text() for path in sorted(EXAMPLES.glob("*.json"))]
    for number in range(1000):
        (tmp_path / f"{number}.json").write_text(texts[number % len(texts)])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*PROGRAM, "policies", "lint", str(tmp_path)], check=False, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2
