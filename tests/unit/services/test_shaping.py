from __future__ import annotations

from typing import Any

import pytest

from connector.dataplane.shape import offer
from connector.errors import Denied
from connector.policy.parse import parse
from connector.policy.world import Facts, Request
from connector.services import shaping

SPEC = {"kind": "file", "path": "/x.csv", "shape": {"time": ["time"]}}
FIELD = {"leftOperand": "kom:field", "operator": "isAnyOf", "rightOperand": ["a"]}
HOURLY = {"leftOperand": "dcat:temporalResolution", "operator": "gteq", "rightOperand": "PT1H"}
YOUNG = {"leftOperand": "kom:minAge", "operator": "gteq", "rightOperand": "P1D"}
REQUEST = Request("odrl:read", "urn:d", "did:web:a.example", 0.0)


def _policy(*constraints: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "@type": "Set",
        "permission": [{"action": "use", "target": "urn:d", "constraint": list(constraints), **more}],
    }


def _required(document: dict[str, Any]) -> Any:
    return shaping.required(document, REQUEST, Facts(transforms=offer.offered(SPEC)), SPEC)


def test_terms_that_shape_nothing_need_nothing() -> None:
    assert _required(_policy()) is None


def test_every_shaping_term_is_done() -> None:
    assert _required(_policy(FIELD, HOURLY)).told == ["mean per hour", "only a"]


@pytest.mark.parametrize("document", [_policy(YOUNG), _policy(FIELD, YOUNG), {"@type": "Set"}, {}])
def test_terms_that_cannot_be_done_open_nothing(document: dict[str, Any]) -> None:
    with pytest.raises(Denied):
        _required(document)


def test_terms_that_narrow_the_asset_or_the_action_are_done_too() -> None:
    action = {"action": {"rdf:value": {"@id": "odrl:read"}, "refinement": [HOURLY]}}
    assert _required(_policy(**action)).told == ["mean per hour"]
    target = {"target": {"@type": "AssetCollection", "source": "urn:d", "refinement": [FIELD]}}
    facts = Facts(transforms=offer.offered(SPEC), part_of={"urn:d": []})
    found = shaping.required(_policy(**target), REQUEST, facts, SPEC)
    assert found is not None
    assert found.told == ["only a"]


def test_the_demands_of_every_branch_are_seen_when_something_is_published() -> None:
    found = shaping.demands(parse(_policy({"or": [{"and": [HOURLY, YOUNG]}, FIELD]})))
    assert {each.operand.rpartition("#")[2] for each in found} == {"temporalResolution", "minAge", "field"}
