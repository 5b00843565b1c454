"""A small live API of stormwater levels, as a process of its own: `python -m demo.stormwater [--seed N] [--speed N] [--port N]`.

    GET /v1/wells                          the newest level of every well (FloodMonitoring); ?status=Normal|Alert|Danger
    GET /v1/wells/{id}                     the newest level of one well
    GET /v1/wells/{id}/readings            what has arrived, in that order (WaterObserved); ?since=TIME &limit=N

Entities are key-values of the Smart Data Models (dataModel.Environment); levels are metres above the bottom of the well.
The simulation begins with the first request, as the rain does, and runs `speed` times as fast as the clock: at 300 a step of
five minutes takes a second.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from demo import wells

BEGIN = datetime(2026, 8, 14, 5, 0, tzinfo=UTC)
"""The simulated moment of the first step."""
FIRST_STEP = 9
"""The step at which the first request finds the simulation: there are readings already, and the rain has just begun."""
MOST_READINGS = 1000
_PREFIX = "urn:ngsi-ld"


class Refused(Exception):
    """A request that gets an error: its HTTP status."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


class Simulation:
    """The wells of a seed, running since they were first asked for."""

    def __init__(self, seed: int, speed: float) -> None:
        self.seed, self.speed = seed, speed
        self.wells = {well.id: well for well in wells.wells(seed)}
        self._began: float | None = None

    @property
    def step(self) -> int:
        """The simulated step of now."""
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        return FIRST_STEP + int((now - self._began) * self.speed / wells.STEP_SECONDS)

    def answer(self, path: str, query: dict[str, list[str]]) -> Any:
        """Return the JSON value of a path. Raises Refused."""
        match path.strip("/").split("/"):
            case ["v1", "wells"]:
                return self._all(_one(query, "status"))
            case ["v1", "wells", well] if well in self.wells:
                return self._newest(well)
            case ["v1", "wells", well, "readings"] if well in self.wells:
                return self._readings(well, _one(query, "since"), _one(query, "limit"))
        raise Refused(HTTPStatus.NOT_FOUND)

    def _all(self, status: str | None) -> list[dict[str, Any]]:
        found = [flood(reading) for reading in wells.latest(self.seed, self.step).values()]
        chosen = [entity for entity in found if status in (None, entity["floodLevelStatus"])]
        return sorted(chosen, key=lambda entity: str(entity["stationID"]))

    def _newest(self, well: str) -> dict[str, Any]:
        reading = wells.latest(self.seed, self.step).get(well)
        if reading is None:
            raise Refused(HTTPStatus.NOT_FOUND)
        return flood(reading)

    def _readings(self, well: str, since: str | None, limit: str | None) -> list[dict[str, Any]]:
        most = _count(limit)
        arrived = [reading for reading in wells.arrived(self.seed, self.step) if reading.well == well]
        if since is not None:
            after = _moment(since)
            arrived = [reading for reading in arrived if moment(reading.observed) > after]
        return [observed(reading, self.wells[well]) for reading in arrived[-most:]]


def flood(reading: wells.Reading) -> dict[str, Any]:
    """Return a reading as FloodMonitoring."""
    return {
        "id": f"{_PREFIX}:FloodMonitoring:demo:{reading.well}",
        "type": "FloodMonitoring",
        "stationID": reading.well,
        "observationDateTime": _written(reading.observed),
        "referenceLevel": wells.REFERENCE_METRES,
        "measuredDistance": round(wells.REFERENCE_METRES - reading.level_metres, 3),
        "currentLevel": reading.level_metres,
        "alertLevel": wells.ALERT_METRES,
        "dangerLevel": wells.DANGER_METRES,
        "floodLevelStatus": wells.status(reading.level_metres),
    }


def observed(reading: wells.Reading, well: wells.Well) -> dict[str, Any]:
    """Return a reading as WaterObserved; a repeated reading has the same id."""
    return {
        "id": f"{_PREFIX}:WaterObserved:demo:{reading.well}:{reading.observed}",
        "type": "WaterObserved",
        "dateObserved": _written(reading.observed),
        "location": {"type": "Point", "coordinates": [well.longitude, well.latitude]},
        "waterLevel": reading.level_metres,
        "refDevice": f"{_PREFIX}:Device:demo:{reading.well}",
    }


def moment(step: int) -> datetime:
    """Return the simulated time of a step."""
    return BEGIN + timedelta(seconds=step * wells.STEP_SECONDS)


def _written(step: int) -> str:
    return moment(step).isoformat().replace("+00:00", "Z")


def _one(query: dict[str, list[str]], name: str) -> str | None:
    return query[name][-1] if name in query else None


def _count(text: str | None) -> int:
    if text is None:
        return MOST_READINGS
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_READINGS:
        raise Refused(HTTPStatus.BAD_REQUEST)
    return int(text)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(HTTPStatus.BAD_REQUEST) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Answer(BaseHTTPRequestHandler):
    """Answers one connection from the simulation."""

    protocol_version = "HTTP/1.1"
    timeout: ClassVar[float] = 30

    def __init__(self, simulation: Simulation, *arguments: Any) -> None:
        self._simulation = simulation
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer with an entity, a list of them, or an error."""
        parts = urlsplit(self.path)
        try:
            self._send(HTTPStatus.OK, self._simulation.answer(parts.path, parse_qs(parts.query)))
        except Refused as refused:
            self._send(refused.status, {"error": refused.status.phrase})

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def _send(self, status: HTTPStatus, value: Any) -> None:
        data = json.dumps(value, indent=1).encode()
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Repr-Digest", f"sha-256=:{digest}:")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_arguments: Any) -> None:
        """Stay silent."""


def main() -> None:
    """Serve until the process is ended; one line on standard output says where."""
    parser = argparse.ArgumentParser(description="A live API of made-up stormwater levels.")
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--speed", type=float, default=wells.STEP_SECONDS)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    with ThreadingHTTPServer(("127.0.0.1", given.port), partial(Answer, Simulation(given.seed, given.speed))) as server:
        print(json.dumps({"state": "ready", "url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
