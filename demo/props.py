"""What the story needs in the stage's folder: the real files, the policies with the parties' names in them, the live API."""

from __future__ import annotations

import json
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from demo import processes
from demo.stage import Stage

SEED: Final = "17"
SIMULATOR: Final = "stormwater"
API_PATHS: Final = ("/v1/wells", "/v1/wells/{id}", "/v1/wells/{id}/readings")
API_QUERY: Final = ("status", "since", "limit")
_HERE: Final = Path(__file__).parent


def lay_out(stage: Stage) -> None:
    """Copy data, metadata and policies; start the live API and describe it as a source."""
    for name in ("data", "metadata"):
        shutil.copytree(_HERE / name, stage.folder / name)
    (stage.folder / "received").mkdir()
    (stage.folder / "policies").mkdir()
    for file in sorted((_HERE / "policies").glob("*.json")):
        written = _filled(file.read_text(encoding="utf-8"), stage)
        (stage.folder / "policies" / file.name).write_text(written, encoding="utf-8")
    _live_api(stage)


def _filled(text: str, stage: Stage) -> str:
    """Return a policy with `@EKBY@` and the like replaced: the parties' ids are known only when their ports are."""
    for key, party in stage.parties.items():
        text = text.replace(f"@{key.upper()}@", party.did)
    return text.replace("@IN_A_YEAR@", (datetime.now(UTC) + timedelta(days=365)).strftime("%Y-%m-%dT00:00:00Z"))


def _live_api(stage: Stage) -> None:
    environ = {**stage.environ, "PYTHONPATH": str(_HERE.parent)}
    command = [sys.executable, "-m", "demo.stormwater", "--seed", SEED]
    running = processes.start(SIMULATOR, command, stage.folder, environ)
    stage.running.append(running)
    spec: dict[str, Any] = {"kind": "http", "url": processes.ready(running)["url"], "methods": ["GET", "HEAD"]}
    spec |= {"paths": list(API_PATHS), "query": list(API_QUERY)}
    (stage.folder / "stormwater-api.json").write_text(json.dumps(spec, indent=2) + "\n", encoding="utf-8")
