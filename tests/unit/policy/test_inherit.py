from __future__ import annotations

from typing import Any

import pytest

from connector.errors import Invalid
from connector.policy.evaluate import Facts, evaluate
from connector.policy.inherit import inherit
from connector.policy.model import Constraint
from connector.policy.terms import ODRL
from tests.unit.policy.documents import DATASET, EKBY, VENDOR, asked, constraint, rule

PARENT: dict[str, Any] = {
    "@type": "Set",
    "uid": "urn:parent",
    "profile": "http://www.w3.org/ns/odrl/2/core",
    "conflict": "prohibit",
    "assignee": EKBY,
    "prohibition": [rule({"and": [constraint("odrl:count", "gt", "5", status="2")]}, action="odrl:sell")],
    "obligation": [rule(action="odrl:delete", consequence=[rule(action="odrl:inform")])],
}
CHILD: dict[str, Any] = {
    "@type": "Set",
    "uid": "urn:child",
    "inheritFrom": "urn:parent",
    "target": DATASET,
    "permission": [rule()],
}


def test_a_child_takes_over_rules_parties_profile_and_strategy() -> None:
    found = inherit(CHILD, {"urn:parent": PARENT}.get)
    assert (found.inherits, found.conflict, found.profiles) == ((), ("prohibit",), (ODRL + "core",))
    assert found.permissions[0].assignee is not None
    assert found.permissions[0].assignee.iri == EKBY
    assert found.permissions[0].pointer == "/permission/0"
    (prohibition,) = found.prohibitions
    assert prohibition.pointer == "urn:parent#/prohibition/0"
    inner = prohibition.constraints[0].operands[0]  # type: ignore[union-attr]
    assert isinstance(inner, Constraint)
    assert (inner.pointer, inner.status) == ("urn:parent#/prohibition/0/constraint/0/and/0", ())
    assert found.obligations[0].then[0].pointer == "urn:parent#/obligation/0/consequence/0"
    assert evaluate(found, asked(), Facts()).permits
    assert not evaluate(found, asked(assignee=VENDOR), Facts()).permits


def test_what_is_inherited_joins_what_the_child_has() -> None:
    child = {**CHILD, "odrl:assignee": [VENDOR]}
    found = inherit(child, {"urn:parent": PARENT}.get)
    assert [each.assignee and each.assignee.iri for each in found.permissions] == [VENDOR, EKBY]
    single = inherit({**CHILD, "assignee": VENDOR}, {"urn:parent": PARENT}.get)
    assert single.permissions == found.permissions


def test_inheritance_goes_through_any_number_of_generations() -> None:
    parent = {**PARENT, "inheritFrom": ["urn:grandparent"]}
    grandparent = {"uid": "urn:grandparent", "prohibition": [rule(action="odrl:print")]}
    found = inherit(CHILD, {"urn:parent": parent, "urn:grandparent": grandparent}.get)
    assert [each.pointer for each in found.prohibitions] == [
        "urn:parent#/prohibition/0",
        "urn:parent#urn:grandparent#/prohibition/0",
    ]


def test_a_parent_that_is_not_at_hand_stops_the_policy() -> None:
    found = inherit(CHILD, lambda _: None)
    assert found.inherits == ("urn:parent",)
    assert evaluate(found, asked(), Facts()).reasons == ("/inheritFrom not-resolved",)
    grandchild = inherit({**CHILD, "inheritFrom": "urn:middle"}, {"urn:middle": {**CHILD, "uid": "urn:middle"}}.get)
    assert grandchild.inherits == ("urn:parent",)


@pytest.mark.parametrize("name", ["urn:child", "urn:parent"])
def test_a_circle_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="policy_inherit_cycle"):
        inherit(CHILD, {"urn:parent": {**PARENT, "inheritFrom": name}}.get)


def test_a_circle_of_policies_without_names_ends() -> None:
    nameless = {"inheritFrom": ["urn:a", "urn:b"], "permission": [rule()]}
    with pytest.raises(Invalid, match="policy_inherit_cycle"):
        inherit(nameless, {"urn:a": nameless, "urn:b": nameless}.get)


def test_the_number_of_ancestors_is_limited() -> None:
    many = {f"urn:{number}": {"permission": [rule()]} for number in range(40)}
    with pytest.raises(Invalid, match="policy_inherit_many"):
        inherit({"inheritFrom": [*many]}, many.get)


def test_a_parent_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(Invalid, match="policy_object"):
        inherit(CHILD, {"urn:parent": {"permission": 5}}.get)
