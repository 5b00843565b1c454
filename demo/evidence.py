"""Scene of the evidence: a contract becomes one file that anybody can check, and whoever changes it is found out."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Final

from demo.failure import Failure
from demo.parties import EKBY
from demo.stage import Stage

BUNDLE: Final = "contract.zip"
FORGED: Final = "forged.zip"
_PART: Final = "agreement.json"


def keep(stage: Stage, contract: str) -> None:
    """Ekby saves a contract with its evidence, and checks the file without any connector; then a forged one. Raises Failure."""
    stage.tell.scene("evidence")
    ekby = stage.parties[EKBY]
    stage.ask(ekby, "contracts", "export", contract, "-o", BUNDLE)
    good = _verdict(stage, BUNDLE, code=0)
    stage.tell.line("holds", count=len(good["findings"]))
    _forge(stage.folder / BUNDLE, stage.folder / FORGED)
    stage.tell.line("forged", part=_PART)
    found = next(each for each in _verdict(stage, FORGED, code=1)["findings"] if not each["ok"])
    stage.tell.line("found_out", message=found["message"])


def _verdict(stage: Stage, name: str, *, code: int) -> Any:
    stage.tell.command(["connector", "verify", name])
    answer = stage.run("verify", name)
    if answer.code != code:
        raise Failure("evidence", file=name, code=answer.code)
    return answer.value


def _forge(bundle: Path, forged: Path) -> None:
    """Write the bundle again with another recipient in the agreement."""
    with zipfile.ZipFile(bundle) as there, zipfile.ZipFile(forged, "w", zipfile.ZIP_DEFLATED) as made:
        for part in there.namelist():
            data = there.read(part)
            made.writestr(part, data.replace(b'"assignee":"', b'"assignee":"x') if part == _PART else data)
