"""What a refusal says, in both languages."""

from __future__ import annotations

from typing import Any

from connector.policy.world import Facts, Request
from connector.services import permission


def _document(*constraints: dict[str, Any]) -> dict[str, Any]:
    return {"@type": "Offer", "permission": [{"action": "use", "constraint": list(constraints)}]}


def _verdict(document: dict[str, Any]) -> permission.Verdict:
    return permission.verdict(document, Request("odrl:read", "urn:d", "did:web:a.example", 0.0), Facts())


def test_a_refusal_that_time_can_turn_says_when_to_ask_again() -> None:
    begins = {"leftOperand": "odrl:dateTime", "operator": "gteq", "rightOperand": "2027-01-01T08:30:00Z"}
    said = _verdict(_document(begins))
    assert (said.permits, said.recovers, said.sentences is not None) == (False, True, True)
    assert said.told[-1] == "The answer may change on 1 January 2027 at 08:30 (UTC): ask again then."
    assert "Svaret kan ändras den 1 januari 2027 klockan 08.30 (UTC): begär på nytt då." in said.told
    assert "ask again" in permission.rules(said)["rules_en"]


def test_a_refusal_for_good_names_no_time() -> None:
    said = _verdict(_document({"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "1969-01-01"}))
    assert (said.recovers, [text for text in said.told if "again" in text]) == (False, [])
