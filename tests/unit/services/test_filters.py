"""What a catalogue request's filter may ask for: everything, some at a time; anything else is refused, never ignored."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import BadMessage
from connector.services import filters
from tests.conversation import recorded

EDC: dict[str, Any] = {"@type": "QuerySpec", "limit": 50, "offset": 0, "sortOrder": "ASC", "filterExpression": []}


@pytest.mark.parametrize(
    "asked", [None, [], {}, [{}], {"@type": "QuerySpec"}, {"@type": "QuerySpec", "sortField": None}]
)
def test_nothing_said_is_everything(asked: Any) -> None:
    assert filters.most(asked) is None


def test_the_query_that_eclipse_edc_sends_asks_for_everything_fifty_at_a_time() -> None:
    assert filters.most(recorded.record(1, {})["request"]["body"]["filter"]) == 50


def test_a_query_with_its_namespace_written_out_is_the_same() -> None:
    full = {f"https://w3id.org/edc/v0.0.1/ns/{name}" if name[0] != "@" else name: EDC[name] for name in EDC}
    assert filters.most(full | {"@type": "https://w3id.org/edc/v0.0.1/ns/QuerySpec"}) == 50
    assert filters.most([{"@type": "edc:QuerySpec", "edc:limit": 3}, {"@type": "QuerySpec", "limit": 7}]) == 3


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"offset": 10}, "offset"),
        ({"offset": "0"}, "offset"),
        ({"offset": False}, "offset"),
        ({"limit": 0}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": "50"}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": 1.5}, "limit"),
        ({"sortField": "dct:title"}, "sortField"),
        ({"sortOrder": "DESC"}, "sortOrder"),
        ({"filterExpression": [{"operandLeft": "id", "operator": "=", "operandRight": "x"}]}, "filterExpression"),
        ({"filterExpression": {}}, "filterExpression"),
        ({"keyword": "water"}, "keyword"),
        ({"@type": "Query"}, "@type"),
        ({"@type": ["QuerySpec"]}, "@type"),
    ],
)
def test_what_would_not_be_done_is_refused(changed: dict[str, Any], where: str) -> None:
    for asked, place in ((EDC | changed, f"/filter/{where}"), ([{}, EDC | changed], f"/filter/1/{where}")):
        with pytest.raises(BadMessage) as caught:
            filters.most(asked)
        assert (caught.value.code, caught.value.field) == ("filter_unsupported", place)


@pytest.mark.parametrize("asked", ["water", 1, ["water"], {"limit": 5}, {"keyword": "water"}])
def test_what_is_no_query_is_refused(asked: Any) -> None:
    with pytest.raises(BadMessage):
        filters.most(asked)
