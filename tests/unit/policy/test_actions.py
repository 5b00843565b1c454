from __future__ import annotations

import pytest

from connector.ids import NS
from connector.policy import actions
from connector.policy.operators import Truth
from connector.policy.terms import ODRL


@pytest.mark.parametrize(
    ("rule", "asked", "covered"),
    [
        ("use", "read", True),
        ("use", "use", True),
        ("read", "use", False),
        ("use", "display", True),
        ("play", "display", True),
        ("reproduce", "extract", True),
        ("use", "sell", False),
        ("use", "give", False),
        ("transfer", "sell", True),
        ("transfer", "read", False),
        ("modify", "write", True),
        ("write", "modify", True),
        ("append", "write", True),
        ("use", "append", True),
        ("dance", "read", None),
        ("use", "dance", None),
        ("dance", "dance", True),
    ],
)
def test_what_a_rule_about_one_action_says_of_another(rule: str, asked: str, covered: Truth) -> None:
    assert actions.covers(ODRL + rule, ODRL + asked) is covered


def test_minted_actions_are_included_in_use() -> None:
    assert actions.ancestors(NS + "reidentify") == (NS + "reidentify", ODRL + "use")


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [("use", "read", True), ("read", "use", True), ("read", "sell", False), ("read", "dance", None)],
)
def test_two_actions_overlap_when_one_includes_the_other(one: str, other: str, meets: Truth) -> None:
    assert actions.overlap(ODRL + one, ODRL + other) is meets


def test_every_action_of_the_vocabulary_leads_to_use_or_transfer() -> None:
    tops = {actions.ancestors(action)[-1] for action in (*actions.PARENT, *actions.SAME)}
    assert tops == {ODRL + "use", ODRL + "transfer"}
