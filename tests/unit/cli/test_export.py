"""`connector contracts export`: one file, whole or not at all, from a running connector; `connector verify` reads it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from connector.cli import bundlefile
from connector.errors import Unreachable
from tests.unit.cli.conftest import Neighbours
from tests.unit.cli.running import run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def contract(neighbours: Neighbours) -> str:
    town, region, files = neighbours
    added = town.run(
        "datasets", "add", "wells", "--title", "Wells", "--source", f"file:{files / 'levels.csv'}",
        "--policy", neighbours.open,
    )  # fmt: skip
    assert added.code == 0, added.err
    found: str = region.json("contracts", "request", town.did, "wells", "--wait")["id"]
    return found


def test_a_contract_is_saved_and_verified(neighbours: Neighbours, contract: str, tmp_path: Path) -> None:
    file = tmp_path / "contract.zip"
    told = neighbours.region.json("contracts", "export", contract, "-o", file)
    data = file.read_bytes()
    assert told == {
        "id": contract, "file": str(file), "size": len(data), "sha256": hashlib.sha256(data).hexdigest(),
    }  # fmt: skip
    assert file.stat().st_mode & 0o077 == 0
    assert run("verify", file, "--json").json["valid"] is True
    assert [each.name for each in tmp_path.iterdir()] == ["contract.zip"]


def test_a_file_that_is_there_is_replaced_only_when_asked(
    neighbours: Neighbours, contract: str, tmp_path: Path
) -> None:
    file = tmp_path / "contract.zip"
    file.write_text("mine")
    done = neighbours.region.run("contracts", "export", contract, "-o", file, "--json")
    assert (done.code, done.problem["code"]) == (2, "bundle_exists")
    assert file.read_text() == "mine"
    done = neighbours.region.run("contracts", "export", contract, "-o", file, "--force")
    assert done.code == 0
    assert f"connector verify {file}" in done.out
    assert run("verify", file).code == 0


def test_nothing_is_left_behind_where_there_is_no_bundle(neighbours: Neighbours, tmp_path: Path) -> None:
    file = tmp_path / "contract.zip"
    done = neighbours.region.run("contracts", "export", "urn:uuid:nothing", "-o", file, "--json")
    assert (done.code, done.problem["code"]) == (1, "contract_unknown")
    done = neighbours.region.run("contracts", "export", "urn:uuid:nothing", "-o", tmp_path / "no" / "x.zip", "--json")
    assert done.code == 1
    assert list(tmp_path.iterdir()) == []


class Broken:
    """An answer that ends, or breaks, before it is whole."""

    headers = {"Content-Length": "10"}  # noqa: RUF012 - as an answer has them

    def __init__(self, *, breaks: bool) -> None:
        self._pieces = iter([b"12345", b""])
        self._breaks = breaks

    def read(self, _amount: int) -> bytes:
        piece = next(self._pieces)
        if self._breaks and not piece:
            raise ConnectionResetError
        return piece


@pytest.mark.parametrize("breaks", [True, False])
def test_an_answer_that_is_not_whole_is_no_file(breaks: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a case
    answer: Any = Broken(breaks=breaks)
    with pytest.raises(Unreachable):
        bundlefile._replaced(tmp_path / "contract.zip", answer, "http://127.0.0.1")
    assert list(tmp_path.iterdir()) == []
