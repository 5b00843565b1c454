import json
import sys

import pytest

from connector.cli.output import Output, Refused
from connector.errors import Missing


def test_an_error_of_ours_is_a_sentence_or_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    error = Missing("contract_unknown", field="ID")
    Output("en").error(error)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines()[0] == "Error (contract_unknown): There is no contract by that id. [ID]"
    Output("en", as_json=True).error(error)
    problem = json.loads(capsys.readouterr().err)
    assert (problem["code"], problem["field"]) == ("contract_unknown", "ID")
    assert problem["type"].endswith("#contract_unknown")


def test_a_problem_of_the_connector_is_passed_on_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    problem = {"code": "x", "detail": "It \x1b[31mbroke.", "next": "Mend it.", "status": 409, "more": 1}
    Output("en", as_json=True).error(Refused(problem))
    assert json.loads(capsys.readouterr().err) == problem
    Output("en").error(Refused(problem))
    assert "\x1b" not in capsys.readouterr().err


def test_an_empty_list_says_so_and_json_stays_json(capsys: pytest.CaptureFixture[str]) -> None:
    page: dict[str, object] = {"items": [], "next": None}
    Output("sv").listed(page, ())
    assert capsys.readouterr().out == "Det finns inga.\n"
    Output("sv", as_json=True).listed(page, ())
    assert json.loads(capsys.readouterr().out) == page


def test_sentences_are_kept_from_programs(capsys: pytest.CaptureFixture[str]) -> None:
    Output("sv", as_json=True).say("cli_nothing")
    assert capsys.readouterr().out == ""


def test_progress_is_for_terminals_only(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    output = Output("sv")
    output.progress(10, 100)
    output.end_progress()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    output.progress(10, 100)
    output.progress(20, None)
    output.end_progress()
    assert "10 B / 100 B (10 %)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "yes"), [("ja\n", True), ("Y\n", True), ("\n", False), ("nej\n", False), ("", False)]
)
def test_only_a_clear_yes_is_a_yes(monkeypatch: pytest.MonkeyPatch, typed: str, *, yes: bool) -> None:
    monkeypatch.setattr(sys.stdin, "readline", lambda: typed, raising=False)
    assert Output("sv").ask("cli_peer_ask") is yes
