"""A decision as a JSON object: rules with their duties, comparisons flat, instants written out."""

from __future__ import annotations

from connector.policy import report
from connector.policy.decision import ConditionReport, Decision, DutyReport, RuleReport
from connector.policy.operands import DATE_TIME


def _iso(seconds: float) -> str:
    return f"@{seconds:g}"


def _compared(left: str, value: tuple[str, ...] | None, *right: str) -> ConditionReport:
    return ConditionReport("/c", left, "eq", right, value, "satisfied")


def _duty(*, active: bool | None, due: float | None) -> DutyReport:
    return DutyReport("/d", "", "duty", "odrl:inform", active, "not-set", due, (_compared("urn:x", None, "1"),))


def test_a_decision_is_written_with_every_rule_duty_and_comparison() -> None:
    either = ConditionReport(
        "/o",
        "",
        "or",
        (),
        None,
        "satisfied",
        (_compared(DATE_TIME, ("3.0",), "a"), _compared("urn:y", ("1", "2"), "1", "2")),
    )
    rule = RuleReport(
        "/p",
        "urn:rule",
        "permission",
        about=True,
        active=True,
        conditions=(either,),
        duties=(_duty(active=True, due=5.0),),
    )
    unsure = RuleReport(
        "/q", "", "prohibition", about=None, active=True, conditions=(_compared(DATE_TIME, ("nan",), "a"),)
    )
    found = Decision(
        "permit", (rule, unsure), next_change=7.0, reasons=("why",), obligations=(_duty(active=None, due=None),)
    )
    made = report.decision(found, _iso)
    assert (made["decision"], made["next_change"], made["reasons"], made["as_agreement"]) == (
        "permit",
        "@7",
        ["why"],
        False,
    )
    assert [each["rule"] for each in made["rules"]] == ["urn:rule", "/d", "/q", "/d"]
    assert [each["active"] for each in made["rules"]] == [True, True, "unknown", "unknown"]
    assert [each["value"] for each in made["rules"][0]["constraints"]] == ["@3", ["1", "2"]]
    assert [each["rightOperand"] for each in made["rules"][0]["constraints"]] == ["a", ["1", "2"]]
    assert (made["rules"][1]["due"], made["rules"][3]["due"], made["rules"][1]["state"]) == ("@5", None, "not-set")
    assert made["rules"][1]["constraints"][0]["value"] is None
    assert made["rules"][2]["constraints"][0]["value"] is None
    assert report.decision(Decision("deny"), _iso)["next_change"] is None
