"""What `--wait` makes of a process, step by step, with an API that tells a prepared story."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from typing import Any, cast

import pytest

from connector.cli import waiting
from connector.cli.output import Output
from connector.cli.session import Session
from connector.errors import LocalError


class Story:
    """Gives one answer after the other, the last one for ever."""

    def __init__(self, *answers: Mapping[str, Any]) -> None:
        self.answers = list(answers)

    def get(self, _path: str) -> Mapping[str, Any]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def step(state: str, **why: Any) -> dict[str, Any]:
    reasons = why.pop("reasons", [])
    return {"id": "x", "state": state, "reasons": reasons, "waiting": {"final": False, **why}}


def finish(*story: Mapping[str, Any], goal: tuple[str, ...] = (), **typed: Any) -> int:
    session = Session(Namespace(wait=True, timeout=0.5, **typed), {}, Output("en", as_json=True), cast("Any", None))
    session.__dict__["api"] = Story(*story[1:] or story)
    return waiting.finish(session, story[0], "/path", goal)


def test_it_waits_until_the_process_has_ended(capsys: pytest.CaptureFixture[str]) -> None:
    assert finish(step("REQUESTED"), step("AGREED"), step("FINALIZED", final=True)) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "FINALIZED"


def test_people_see_every_state_on_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    story = (step("REQUESTED"), step("REQUESTED"), step("AGREED"), step("FINALIZED", final=True))
    session = Session(Namespace(wait=True), {}, Output("en"), cast("Any", None))
    session.__dict__["api"] = Story(*story[1:])
    assert waiting.finish(session, story[0], "/path") == 0
    assert capsys.readouterr().err.splitlines() == ["… REQUESTED", "… AGREED", "… FINALIZED"]


@pytest.mark.parametrize(
    ("sealed", "final", "said"),
    [
        ("two-sided", True, "two-sided: both"),
        ("one-sided", True, "one-sided: we have"),
        (None, True, "no: there is no seal"),
        (None, False, "not yet"),
    ],
)
def test_people_read_whose_seals_a_contract_has(
    capsys: pytest.CaptureFixture[str], sealed: str | None, said: str, *, final: bool
) -> None:
    contract = step("FINALIZED") | {"sealed": sealed, "waiting": {"final": final}}
    waiting.show(Session(Namespace(), {}, Output("en"), cast("Any", None)), contract)
    assert said in capsys.readouterr().out
    waiting.show(Session(Namespace(), {}, Output("en", as_json=True), cast("Any", None)), contract)
    assert json.loads(capsys.readouterr().out)["sealed"] == sealed


def test_it_waits_until_a_person_is_needed() -> None:
    assert finish(step("REQUESTED", waits_for="peer"), step("OFFERED", waits_for="person")) == 0


def test_it_waits_until_the_goal() -> None:
    assert finish(step("REQUESTED"), step("STARTED"), goal=("STARTED",)) == 0


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (step("TERMINATED", final=True, reasons=["no"]), "cli_wait_terminated"),
        (step("TERMINATED", final=True), "cli_wait_terminated"),
        (step("REQUESTED", waits_for="person", stalled="peer_silent", why="peer_silent"), "cli_wait_stalled"),
        (step("REQUESTED", waits_for="peer", why="peers_turn"), "cli_wait_timeout"),
    ],
)
def test_what_went_wrong_is_shown_and_said(capsys: pytest.CaptureFixture[str], last: dict[str, Any], code: str) -> None:
    with pytest.raises(LocalError, match=code):
        finish(step("REQUESTED"), last)
    assert json.loads(capsys.readouterr().out) == last


def test_without_wait_the_process_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session(Namespace(), {}, Output("en"), cast("Any", None))
    begun = step("REQUESTED", waits_for="us", why="retry_later", next_attempt="2026-01-01T00:00:00.000Z")
    assert waiting.finish(session, begun, "/path") == 0
    told = capsys.readouterr().out
    assert "Waits for     our message to arrive" in told
    assert "Next attempt  2026-01-01T00:00:00.000Z" in told
