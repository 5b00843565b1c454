"""RFC 9110, section 13: conditional requests."""

from __future__ import annotations

import pytest

from connector.dataplane import conditions

ETAG = '"abc"'
MODIFIED = 1_700_000_000.75
SAME = "Tue, 14 Nov 2023 22:13:20 GMT"
EARLIER = "Tue, 14 Nov 2023 22:13:19 GMT"
LATER = "Tue, 14 Nov 2023 22:13:21 GMT"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"if-match": '"abc"'}, 200),
        ({"if-match": '"x", "abc"'}, 200),
        ({"if-match": "*"}, 200),
        ({"if-match": '"x"'}, 412),
        ({"if-match": 'W/"abc"'}, 412),
        ({"if-match": "abc"}, 412),
        ({"if-unmodified-since": SAME}, 200),
        ({"if-unmodified-since": EARLIER}, 412),
        ({"if-unmodified-since": "yesterday"}, 200),
        ({"if-match": '"abc"', "if-unmodified-since": EARLIER}, 200),
        ({"if-none-match": '"abc"'}, 304),
        ({"if-none-match": 'W/"abc"'}, 304),
        ({"if-none-match": '"x" ,, "abc"'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"x"'}, 200),
        ({"if-none-match": "abc"}, 200),
        ({"if-none-match": '"x"', "if-modified-since": SAME}, 200),
        ({"if-modified-since": SAME}, 304),
        ({"if-modified-since": LATER}, 304),
        ({"if-modified-since": EARLIER}, 200),
        ({"if-modified-since": "not a date"}, 200),
        ({"if-match": '"x"', "if-none-match": '"abc"'}, 412),
    ],
)
def test_preconditions_in_their_order(headers: dict[str, str], status: int) -> None:
    assert conditions.precondition(headers, ETAG, MODIFIED) == status


def test_without_validators_only_a_star_matches() -> None:
    assert conditions.precondition({"if-none-match": '"abc"'}, None, None) == 200
    assert conditions.precondition({"if-modified-since": SAME, "if-unmodified-since": EARLIER}, None, None) == 200
    assert conditions.precondition({"if-none-match": "*"}, None, None) == 304
    assert conditions.precondition({"if-match": '"abc"'}, 'W/"abc"', None) == 412


@pytest.mark.parametrize(
    ("if_range", "applies"),
    [
        (None, True),
        (ETAG, True),
        (f" {ETAG} ", True),
        ('W/"abc"', False),
        ('"other"', False),
        (SAME, True),
        (EARLIER, False),
        (LATER, False),
        ("nonsense", False),
    ],
)
def test_if_range_wants_a_strong_exact_match(if_range: str | None, applies: bool) -> None:  # noqa: FBT001
    assert conditions.range_applies(if_range, ETAG, MODIFIED, MODIFIED + 2) is applies


def test_a_date_within_the_same_second_is_no_strong_validator() -> None:
    assert not conditions.range_applies(SAME, ETAG, MODIFIED, MODIFIED + 0.2)
    assert not conditions.range_applies(ETAG, None, None, MODIFIED)
    assert not conditions.range_applies(SAME, ETAG, None, MODIFIED)


@pytest.mark.parametrize("text", [SAME, "Tuesday, 14-Nov-23 22:13:20 GMT", "Tue Nov 14 22:13:20 2023"])
def test_the_three_forms_of_a_date_are_read(text: str) -> None:
    assert conditions.date(text) == 1_700_000_000


@pytest.mark.parametrize("text", [None, "", "x", "Tue, 99 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 99999 22:13:20 GMT"])
def test_any_other_date_is_none(text: str | None) -> None:
    assert conditions.date(text) is None


def test_a_date_is_written_as_it_is_read() -> None:
    assert conditions.http_date(MODIFIED) == SAME
