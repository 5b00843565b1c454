"""Two neighbours that run and know each other, for all tests of a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.unit.cli.running import Town, found, serving

OPEN = {"@type": "Offer", "permission": [{"action": "use"}]}


class Neighbours(NamedTuple):
    """A provider and a consumer, and a folder with data and policy files."""

    town: Town
    region: Town
    files: Path

    @property
    def open(self) -> Path:
        """A policy file that asks nothing."""
        return self.files / "open.json"


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbours]:
    folder = tmp_path_factory.mktemp("cli")
    town, region = found(folder / "town", "Strängnäs kommun"), found(folder / "region", "Region Sörmland")
    files = folder / "files"
    (files / "tree" / "2026").mkdir(parents=True)
    (files / "open.json").write_text(json.dumps(OPEN))
    (files / "levels.csv").write_text("well,level\n1,2.5\n")
    (files / "tree" / "2026" / "nivå.txt").write_text("högt")
    with serving(town, region):
        assert town.run("peers", "add", region.did, "--yes").code == 0
        assert region.run("peers", "add", town.did, "--yes").code == 0
        yield Neighbours(town, region, files)
