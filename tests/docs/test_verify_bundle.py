"""The stranger's script: sixty lines, nothing but Python and `cryptography`, and the same verdict as ours."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from connector.evidence import bundle
from tests.docs.pages import ROOT
from tests.unit.evidence.bundles import ATTACKER, CONSUMER, PAIRS, PROVIDER, Case, redigested, resigned, rewritten

SCRIPT = ROOT / "docs" / "verify_bundle.py"
CASES = {
    "two-sided": Case(),
    "two-sided, by the consumer": Case(made_by=CONSUMER, policy=None),
    "one-sided, by the provider": Case(sealed_by=(PROVIDER,)),
    "one-sided, by the consumer": Case(made_by=CONSUMER, sealed_by=(CONSUMER,), policy=None),
    "with payloads removed": Case(removed=frozenset({2, 3})),
}
GOOD = Case().packed()
FILES = sorted(set(bundle.unpack(GOOD)) - {"contract.html"})


def verified(folder: Path, data: bytes) -> subprocess.CompletedProcess[str]:
    file = folder / "contract.zip"
    file.write_bytes(data)
    return subprocess.run([sys.executable, "-I", SCRIPT, file], check=False, capture_output=True, text=True)


def changed(data: bytes) -> bytes:
    """Return a file with one character of a text, or of a signature, changed."""
    place = len(data) // 2
    while not data[place : place + 1].isalpha():
        place += 1
    return data[:place] + (b"x" if data[place : place + 1] != b"x" else b"y") + data[place + 1 :]


def test_it_is_sixty_lines_and_needs_only_cryptography() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {str(node.module).partition(".")[0] for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    assert imported - sys.stdlib_module_names == {"cryptography"}


@pytest.mark.parametrize("name", CASES)
def test_it_verifies_good_bundles(tmp_path: Path, name: str) -> None:
    done = verified(tmp_path, CASES[name].packed())
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "HOLDS"), done.stderr
    assert ("HAS NOT SEALED" in done.stdout) == ("one-sided" in name)


def test_it_rejects_every_file_changed(tmp_path: Path) -> None:
    files = bundle.unpack(GOOD)
    held = [
        name for name in FILES if verified(tmp_path, bundle.pack({**files, name: changed(files[name])})).returncode == 0
    ]
    assert held == []


TAMPERED = {
    "everything digested anew": bundle.pack(redigested(rewritten(GOOD, offer_json=b"{}"))),
    "signed by somebody else": resigned(redigested(rewritten(GOOD, offer_json=b"{}")), ATTACKER),
    "another offer, by a lying maker": resigned(redigested(rewritten(GOOD, offer_json=b"{}")), PAIRS[PROVIDER]),
    "another policy, by a lying maker": resigned(redigested(rewritten(GOOD, policy_json=b"{}")), PAIRS[PROVIDER]),
    "another agreement, by a lying maker": resigned(
        redigested(rewritten(GOOD, agreement_json=bundle.unpack(GOOD)["agreement.json"].replace(b"levels", b"pipes!"))),
        PAIRS[PROVIDER],
    ),
    "a record that is not under the head": resigned(
        redigested(
            rewritten(GOOD, journal__records_json=bundle.unpack(GOOD)["journal/records.json"].replace(b"peer", b"us"))
        ),
        PAIRS[PROVIDER],
    ),
    "a counter-seal over no seal of the provider's": Case(linked=False).packed(),
    "no zip": b"x",
}


@pytest.mark.parametrize("name", TAMPERED)
def test_it_rejects_tampered_bundles(tmp_path: Path, name: str) -> None:
    done = verified(tmp_path, TAMPERED[name])
    assert done.returncode == 1
    assert "HOLDS" not in done.stdout
