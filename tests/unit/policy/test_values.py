from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.policy.terms import XSD
from connector.policy.values import (
    Kind,
    Value,
    after,
    duration,
    identity,
    instant,
    kind_of,
    order,
    read_value,
    typed,
)
from tests.unit.policy.documents import at


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("text", Value("text")),
        (True, Value("true", XSD + "boolean")),
        (False, Value("false", XSD + "boolean")),
        (7, Value("7", XSD + "integer")),
        (0.5, Value("0.5", XSD + "double")),
        ({"@id": "odrl:use"}, Value("http://www.w3.org/ns/odrl/2/use", "@id")),
        ({"uid": "urn:x"}, Value("urn:x", "@id")),
        ({"@value": "5", "@type": "xsd:integer"}, Value("5", XSD + "integer")),
        ({"@value": 5, "@type": "xsd:decimal"}, Value("5", XSD + "decimal")),
        ({"@value": "text"}, Value("text")),
        ({"@value": 5}, Value("5", XSD + "integer")),
        ({"@id": "urn:x", "@type": "skos:Concept"}, Value("urn:x", "@id")),
        (10**70, None),
        (None, None),
        ([], None),
        ({}, None),
        ({"@value": None}, None),
        ({"@value": []}, None),
        ({"@value": "hej", "@language": "sv"}, None),
        ({"@value": "5", "@type": 3}, None),
        ({"@id": 3}, None),
        ({"@id": "urn:x", "more": 1}, None),
    ],
)
def test_a_json_value_is_read_or_refused(item: Any, value: Value | None) -> None:
    assert read_value(item) == value


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("1970-01-01T00:00:01.5Z", 1.5),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("1969-12-31T22:30:00-01:30", 0.0),
        ("1970-01-01T00:00:00", 0.0),
        ("1970-01-01T00:00Z", 0.0),
        ("1970-01-01", 0.0),
        ("1970-01-02+01:00", 86400.0 - 3600),
        ("1969-12-31T24:00:00Z", 0.0),
        ("1969-12-31T24:00:00.0Z", 0.0),
        ("1970-01-01T24:00:01Z", None),
        ("1970-01-01T24:00:00.5Z", None),
        ("1970-13-01T00:00:00Z", None),
        ("1970-02-30", None),
        ("0000-01-01", None),
        ("1970-01-01T00:00:60Z", None),
        ("1970-01-01T00:00:00+15:00", None),
        ("1970-01-01T00:00:00+00:60", None),
        ("1970-01-01 00:00:00Z", None),
        ("١٩٧٠-01-01", None),
        ("19700101", None),
        ("", None),
    ],
)
def test_an_instant_is_read_by_xml_schema(text: str, seconds: float | None) -> None:
    assert instant(text) == seconds


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("P1D", (0, 86400)),
        ("PT1H", (0, 3600)),
        ("P1Y2M3DT4H5M6.5S", (14, Decimal("273906.5"))),
        ("-P1M", (-1, 0)),
        ("P", None),
        ("P1DT", None),
        ("PT", None),
        ("1D", None),
        ("P1H", None),
        ("P9999999999Y", None),
    ],
)
def test_a_duration_is_read_by_xml_schema(text: str, length: tuple[int, Decimal] | None) -> None:
    assert duration(text) == length


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("P1D", "PT24H", 0),
        ("P1Y", "P12M", 0),
        ("PT59M", "PT1H", -1),
        ("P1M", "P27D", 1),
        ("P1M", "P28D", None),
        ("P1M", "P30D", None),
        ("P1M", "P31D", None),
        ("P1M", "P32D", -1),
        ("P1Y", "P366D", None),
        ("P1Y", "P367D", -1),
        ("P1Y", "P364D", 1),
        ("P5M", "P153D", None),
        ("P5M", "P154D", -1),
    ],
)
def test_durations_are_ordered_only_where_no_calendar_is_needed(one: str, other: str, found: int | None) -> None:
    first, second = duration(one), duration(other)
    assert first is not None
    assert second is not None
    assert order(first, second) == found
    assert order(second, first) == (None if found is None else -found)


@pytest.mark.parametrize(
    ("value", "kind", "found"),
    [
        (Value("5"), "number", Decimal(5)),
        (Value("5.00", XSD + "decimal"), "number", Decimal(5)),
        (Value("1e3", XSD + "double"), "number", Decimal(1000)),
        (Value("5", XSD + "string"), "number", Decimal(5)),
        (Value("5", XSD + "dateTime"), "number", None),
        (Value("five"), "number", None),
        (Value("٥"), "number", None),
        (Value("9" * 61), "number", None),
        (Value("NaN", XSD + "double"), "number", None),
        (Value("true"), "boolean", True),
        (Value("0", XSD + "boolean"), "boolean", False),
        (Value("yes"), "boolean", None),
        (Value("kom:x"), "iri", "https://w3id.org/municipal-dataspace/v1#x"),
        (Value("urn:x", "@id"), "iri", "urn:x"),
        (Value(""), "iri", None),
        (Value("5", XSD + "integer"), "iri", None),
        (Value("text"), "string", "text"),
        (Value("urn:x", "@id"), "string", None),
        (Value("1970-01-01", XSD + "date"), "dateTime", 0.0),
        (Value("P1D", XSD + "dayTimeDuration"), "duration", (0, Decimal(86400))),
    ],
)
def test_a_value_fits_its_operands_type_or_is_unknown(value: Value, kind: Kind, found: Any) -> None:
    assert typed(value, kind) == found


def test_a_did_is_compared_without_regard_to_the_case_of_its_host() -> None:
    assert identity("did:web:Town.Example%3a9101:Water") == "did:web:town.example%3A9101:Water"
    assert identity("https://Town.example/") == "https://Town.example/"


def test_a_datatype_tells_the_kind_of_a_foreign_operand() -> None:
    assert kind_of("") == "string"
    assert kind_of(XSD + "integer") == "number"
    assert kind_of("urn:own") is None


@pytest.mark.parametrize(
    ("start", "length", "end"),
    [
        ("2026-01-31T10:00:00Z", "P1M", "2026-02-28T10:00:00Z"),
        ("2024-02-29T00:00:00Z", "P1Y", "2025-02-28T00:00:00Z"),
        ("2026-12-15T00:00:00Z", "P1MT1H", "2027-01-15T01:00:00Z"),
        ("2026-11-30T00:00:00Z", "P1M", "2026-12-30T00:00:00Z"),
        ("2026-03-31T00:00:00Z", "-P1M", "2026-02-28T00:00:00Z"),
        ("2026-06-01T00:00:00Z", "P30D", "2026-07-01T00:00:00Z"),
    ],
)
def test_a_duration_after_an_instant_follows_the_calendar(start: str, length: str, end: str) -> None:
    found = duration(length)
    assert found is not None
    assert after(at(start), found) == at(end)


def test_an_instant_beyond_the_calendar_is_unknown() -> None:
    assert after(0, (12 * 9000, Decimal(0))) is None
    assert after(1e300, (0, Decimal(0))) is None


@given(st.text(max_size=30))
def test_no_text_breaks_the_readers(text: str) -> None:
    for kind in ("dateTime", "duration", "number", "boolean", "iri", "string"):
        typed(Value(text), kind)


@given(st.integers(-500, 500), st.integers(-40000, 40000), st.integers(-500, 500), st.integers(-40000, 40000))
def test_the_order_of_durations_agrees_with_the_calendar(months: int, days: int, other: int, more: int) -> None:
    one, two = (months, Decimal(days * 86400)), (other, Decimal(more * 86400))
    found = order(one, two)
    for start in ("1904-02-01T00:00:00Z", "1903-03-01T00:00:00Z", "1999-07-01T00:00:00Z", "2001-01-01T00:00:00Z"):
        ends = after(at(start), one), after(at(start), two)
        if found is not None and None not in ends:
            assert (ends[0] > ends[1]) - (ends[0] < ends[1]) == found  # type: ignore[operator]
