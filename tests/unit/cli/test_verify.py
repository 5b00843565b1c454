"""`connector verify`: its words, its JSON and its exit codes, on files alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.running import run
from tests.unit.evidence.bundles import PAIRS, PROVIDER, Case, redigested, resigned, rewritten

GOOD = Case().packed()
ONE_SIDED = Case(sealed_by=(PROVIDER,)).packed()
TAMPERED = resigned(redigested(rewritten(GOOD, offer_json=b"{}")), PAIRS[PROVIDER])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "contract.zip"


@pytest.mark.parametrize("data", [GOOD, ONE_SIDED])
def test_a_good_bundle_holds(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    done = run("verify", file, "--json")
    assert (done.code, done.json["valid"]) == (0, True)
    assert {*done.json} == {"valid", "findings"}
    assert all({*each} == {"check", "ok", "message"} and each["ok"] for each in done.json["findings"])


@pytest.mark.parametrize(
    ("language", "words"), [("sv", "Allt i paketet håller."), ("en", "Everything in the bundle holds.")]
)
def test_people_are_told_in_their_language(file: Path, language: str, words: str) -> None:
    file.write_bytes(GOOD)
    done = run("verify", file, "--lang", language)
    assert done.code == 0
    assert words in done.out
    assert done.out.count("OK") >= 10 or done.out.count("ok") >= 10


def test_a_tampered_bundle_does_not_hold(file: Path) -> None:
    file.write_bytes(TAMPERED)
    done = run("verify", file, "--json")
    assert (done.code, done.json["valid"]) == (1, False)
    assert {"terms", "seal.agreement", "seal.verification"} <= {
        each["check"] for each in done.json["findings"] if not each["ok"]
    }
    assert "The bundle does not hold" in run("verify", file, "--lang", "en").out


def test_a_file_that_is_no_bundle_is_wrong_use(file: Path) -> None:
    for data in (b"", b"%PDF-1.7", GOOD[:-5]):
        file.write_bytes(data)
        done = run("verify", file, "--json")
        assert (done.code, done.problem["code"]) == (2, "bundle_unreadable")
    missing = run("verify", file.with_name("nothing.zip"), "--json")
    assert (missing.code, missing.problem["code"]) == (2, "cli_file")


def test_a_fingerprint_that_signed_nothing_does_not_hold(file: Path) -> None:
    file.write_bytes(GOOD)
    assert run("verify", file, "--fingerprint", PAIRS[PROVIDER].kid).code == 0
    assert run("verify", file, "--fingerprint", PAIRS[PROVIDER].kid, "--fingerprint", "x" * 43).code == 1


def test_it_needs_no_home_no_store_and_no_network(file: Path) -> None:
    file.write_bytes(GOOD)
    watch = (
        "import sys; from connector.__main__ import main; code = main();"
        "assert not {'aiohttp', 'sqlalchemy', 'pydantic', 'asyncio'} & sys.modules.keys(); sys.exit(code)"
    )
    command = [sys.executable, "-c", watch, "verify", str(file)]
    assert subprocess.run(command, cwd=file.parent, check=False, capture_output=True).returncode == 0
