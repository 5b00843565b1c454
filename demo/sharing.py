"""Scenes of the data: files, a folder and a live API are fetched and verified, access is cut, the journals are checked."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any, Final

from demo.contracts import TERMINATED
from demo.failure import Failure
from demo.parties import EKBY, REGION, VA
from demo.stage import Party, Stage

WELL: Final = "DV001"
_LIVE: Final = f"v1/wells/{WELL}"
_RISE_SECONDS: Final = 2.0
_RISE_METRES: Final = 0.05
_CHANGE_SECONDS: Final = 20.0


def files(stage: Stage, borders: str, air: str) -> None:
    """Ekby fetches two real files and compares them with the originals."""
    stage.tell.scene("files")
    ekby = stage.parties[EKBY]
    for contract, original, name in (
        (borders, "data/geodata/swedish_municipalities.geojson", "municipalities.geojson"),
        (air, "data/statistics/uppsala_air_temperature.csv", "air-temperature.csv"),
    ):
        begin(stage, ekby, contract)
        got = fetch(stage, ekby, contract, name)
        _same(stage, got, stage.folder / original)


def begin(stage: Stage, party: Party, contract: str) -> str:
    """Start a transfer under a contract and return its id."""
    found = stage.ask(party, "transfers", "start", contract, "--wait")
    stage.tell.line("started", state=found["state"])
    return str(found["id"])


def fetch(stage: Stage, party: Party, contract: str, name: str, *path: str) -> Any:
    """Fetch into `received/`; return what the command says of it. Raises Failure when its digest was not verified."""
    got = stage.ask(party, "fetch", contract, *path, "-o", f"received/{name}")
    if not got["verified"]:
        raise Failure("digest", stage.log(party.home), file=got["file"])
    return got


def _same(stage: Stage, got: Any, original: Path) -> None:
    """Compare what was received with the provider's file, byte for byte. Raises Failure."""
    digest = hashlib.sha256(original.read_bytes()).hexdigest()
    received = hashlib.sha256(Path(got["file"]).read_bytes()).hexdigest()
    if not got["sha256"] == received == digest:
        raise Failure("digest", file=got["file"])
    stage.tell.line("same", size=f"{got['size']:,}".replace(",", " "), sha256=digest[:16])


def directory(stage: Stage, contract: str) -> None:
    """The region lists a folder and fetches a file of it."""
    stage.tell.scene("directory")
    region = stage.parties[REGION]
    begin(stage, region, contract)
    listing = fetch(stage, region, contract, "listing.json")
    items = json.loads(Path(listing["file"]).read_text(encoding="utf-8"))["items"]
    for item in items:
        stage.tell.line("listed", name=item["name"], size=item["size"])
    chosen = next(item["name"] for item in items if item["name"].endswith("schema.json"))
    _same(stage, fetch(stage, region, contract, chosen, chosen), stage.folder / "data" / "sensors" / chosen)


def live(stage: Stage, contract: str) -> str:
    """Ekby reads the level of a well twice while it rains. Return the transfer's id."""
    stage.tell.scene("live")
    ekby = stage.parties[EKBY]
    transfer = begin(stage, ekby, contract)
    first = _entity(fetch(stage, ekby, contract, f"{WELL}.json", _LIVE))
    _told(stage, first)
    stage.tell.line("rain")
    time.sleep(_RISE_SECONDS)
    second = _changed(stage, contract, first["currentLevel"])
    _told(stage, second)
    stage.tell.line("changed", well=WELL, change=f"{second['currentLevel'] - first['currentLevel']:+.3f}")
    readings = _entity(fetch(stage, ekby, contract, "readings.json", f"{_LIVE}/readings?limit=3"))
    stage.tell.line("readings", count=len(readings), type=readings[-1]["type"])
    return transfer


def _entity(got: Any) -> Any:
    return json.loads(Path(got["file"]).read_text(encoding="utf-8"))


def _told(stage: Stage, found: Any) -> None:
    at, level = found["observationDateTime"][11:16], f"{found['currentLevel']:.3f}"
    stage.tell.line("level", at=at, well=WELL, level=level, status=found["floodLevelStatus"])


def _changed(stage: Stage, contract: str, before: float) -> Any:
    """Return the newest level once it has clearly changed, or after a while changed at all. Raises Failure."""
    begun = time.monotonic()
    ekby = stage.parties[EKBY]
    found = _entity(fetch(stage, ekby, contract, f"{WELL}.json", _LIVE))
    while (waited := time.monotonic() - begun) < _CHANGE_SECONDS:
        change = abs(found["currentLevel"] - before)
        if change >= _RISE_METRES or (change > 0 and waited > _CHANGE_SECONDS / 2):
            return found
        time.sleep(0.5)
        found = _entity(stage.ask(ekby, "fetch", contract, _LIVE, "-o", f"received/{WELL}.json", told=False))
    raise Failure("no_change", stage.folder / "stormwater.log", well=WELL)


def revoke(stage: Stage, contract: str, transfer: str) -> None:
    """The company ends Ekby's access; the next fetch is refused, and Ekby sees why. Raises Failure."""
    stage.tell.scene("revoke")
    ekby, company = stage.parties[EKBY], stage.parties[VA]
    fetch(stage, ekby, contract, f"{WELL}.json", _LIVE)
    stage.tell.line("still_works", who=ekby.name)
    theirs = stage.ask(ekby, "transfers", "show", transfer, told=False)["peer_pid"]
    stage.ask(company, "transfers", "terminate", theirs, "--reason", stage.tell.text("revocation"))
    stage.tell.line("cut", who=company.name)
    answer = stage.attempt(ekby, "fetch", contract, _LIVE, "-o", f"received/{WELL}.json")
    if answer.code == 0:
        raise Failure("not_cut", stage.log(company.home))
    stage.tell.line("cannot", code=answer.problem["code"], detail=answer.problem["detail"])
    ended = stage.until(ekby, "transfers", transfer, {TERMINATED})
    stage.tell.line("ended", who=ekby.name, state=ended["state"], reasons="; ".join(ended["reasons"]))
    stage.tell.line("agreement_stays")


def verify(stage: Stage) -> None:
    """Check the journal of every participant. Raises Failure."""
    stage.tell.scene("journal")
    for party, verdict in zip(
        stage.parties.values(),
        stage.together([(party, ["journal", "verify"]) for party in stage.parties.values()]),
        strict=True,
    ):
        if not verdict["ok"]:
            raise Failure("journal", stage.log(party.home), who=party.name)
        stage.tell.line("whole", who=party.name, records=verdict["records"])
    _reads(stage)


def _reads(stage: Stage) -> None:
    """Tell what the company's journal says of who has read what."""
    company = stage.parties[VA]
    records = stage.ask(company, "journal", "list", "--all")["items"]
    reads = [record["payload"] for record in records if record["kind"] == "data.read"]
    for peer, dataset in dict.fromkeys((read["peer"], read["dataset"]) for read in reads):
        mine = [read for read in reads if (read["peer"], read["dataset"]) == (peer, dataset)]
        total = sum(read["bytes"] for read in mine)
        stage.tell.line("read", who=stage.name(peer), dataset=dataset, count=len(mine), bytes=total)
