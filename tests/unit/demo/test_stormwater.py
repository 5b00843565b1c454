"""The live API: what it answers and refuses, and that it begins when it is first asked."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from http.server import ThreadingHTTPServer
from typing import Any

import pytest

from demo.stormwater import FIRST_STEP, Answer, Simulation


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Answer, Simulation(17, 0))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def ask(port: int, path: str, method: str = "GET") -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def read(port: int, path: str) -> Any:
    answer, data = ask(port, path)
    assert answer.status == 200
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    assert answer.headers["Repr-Digest"] == f"sha-256=:{digest}:"
    return json.loads(data)


def test_all_wells_are_listed_and_can_be_chosen_by_status(port: int) -> None:
    everything = read(port, "/v1/wells")
    assert [entity["stationID"] for entity in everything] == [f"DV{number:03}" for number in range(1, 13)]
    assert read(port, "/v1/wells?status=Normal") == everything
    assert read(port, "/v1/wells?status=Danger") == []
    assert read(port, "/v1/wells/DV003") == everything[2]


def test_readings_come_in_parts_and_since_a_time(port: int) -> None:
    everything = read(port, "/v1/wells/DV001/readings")
    assert len(everything) >= FIRST_STEP
    assert read(port, "/v1/wells/DV001/readings?limit=2") == everything[-2:]
    newest = max(entity["dateObserved"] for entity in everything)
    assert read(port, f"/v1/wells/DV001/readings?since={newest}") == []
    assert read(port, "/v1/wells/DV001/readings?since=2026-08-14T05:20:00Z&limit=1000")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/v1/wells/DV013", 404),
        ("/v1/wells/DV001/pumps", 404),
        ("/v1/wells/DV001/readings?limit=0", 400),
        ("/v1/wells/DV001/readings?limit=x", 400),
        ("/v1/wells/DV001/readings?since=yesterday", 400),
    ],
)
def test_what_does_not_exist_is_refused(port: int, path: str, status: int) -> None:
    assert ask(port, path)[0].status == status


def test_a_head_has_the_length_and_no_body(port: int) -> None:
    answer, data = ask(port, "/v1/wells", "HEAD")
    assert (answer.status, data) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 1000


def test_the_simulation_begins_with_the_first_request() -> None:
    simulation = Simulation(17, 1e9)
    assert simulation.step == FIRST_STEP
    assert simulation.step > FIRST_STEP
