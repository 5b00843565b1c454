"""How `fetch` asks: the path that it makes, and what it waits for once it has begun."""

from __future__ import annotations

from argparse import Namespace
from typing import Any, cast

import pytest

from connector.cli.fetch import _Opening, data_path
from connector.cli.output import Output, Refused
from connector.cli.session import Session
from connector.errors import Unreachable


class Line:
    """An API that answers, refuses or is gone, as told."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)

    def open(self, _path: str, _headers: object) -> object:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def not_running(self) -> Unreachable:
        return Unreachable("cli_not_running", url="", home="")


def opening(*answers: object) -> _Opening:
    return _Opening(cast("Any", Line(*answers)), "/data")


def test_a_connector_that_does_not_run_is_said_at_once() -> None:
    with pytest.raises(Unreachable, match="cli_not_running"):
        opening(ConnectionRefusedError())(0, None)


def test_a_refusal_is_said_at_once() -> None:
    with pytest.raises(Refused, match="peer_away"):
        opening(Refused({"code": "peer_away", "status": 502}))(0, None)


@pytest.mark.parametrize("fault", [ConnectionRefusedError(), Refused({"code": "peer_away", "status": 502})])
def test_a_download_that_has_begun_waits_for_who_is_away(fault: Exception) -> None:
    ask = opening("begun", fault)
    ask(0, None)
    with pytest.raises(ConnectionError):
        ask(5, '"tag"')


def test_a_download_that_has_begun_ends_when_access_does() -> None:
    ask = opening("begun", Refused({"code": "data_denied", "status": 409}))
    ask(0, None)
    with pytest.raises(Refused, match="data_denied"):
        ask(5, '"tag"')


@pytest.mark.parametrize(
    ("below", "path"),
    [
        ("", "/data"),
        ("2026/nivå 1.csv", "/data/2026/niv%C3%A5%201.csv"),
        ("/levels?from=2026&to=å#x", "/data/levels?from=2026&to=%C3%A5%23x"),
        ("a%2Fb", "/data/a%2Fb"),
        ("?limit=5", "/data?limit=5"),
    ],
)
def test_the_path_is_written_as_a_url_has_it(below: str, path: str) -> None:
    session = Session(Namespace(contract="urn:uuid:1", member="did:web:a"), {}, Output(), cast("Any", None))
    session.__dict__["api"] = None
    prefix = "/api/v1/participants/did%3Aweb%3Aa/contracts/urn%3Auuid%3A1"
    assert data_path(session, below) == prefix + path
