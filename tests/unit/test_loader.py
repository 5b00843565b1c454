from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector import loader
from connector.errors import BadMessage, ConnectorError, TooLarge

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii", min_codepoint=1)), inner),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_what_json_writes_is_read_back(value: Any, ascii_only: bool) -> None:  # noqa: FBT001
    assert loader.loads(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.parametrize(
    ("text", "code", "offset"),
    [
        ('{"a": "NaN",\n "b": NaN}', "json_number", 19),
        ('{"a": [1, -1e999]}', "json_number", 10),
        ('{"a": 9007199254740993}', "json_number", 6),
        ('{"å": "\\u0041", "b": "\\ud800"}', "json_text", 21),
        ("{", "json_invalid", 0),
    ],
)
def test_what_is_refused_is_found_in_the_text(text: str, code: str, offset: int) -> None:
    with pytest.raises(BadMessage) as caught:
        loader.loads(text.encode())
    assert caught.value.code == code
    assert loader.surprise(text.encode(), code) == offset


@pytest.mark.parametrize(
    ("data", "code", "position"),
    [
        (b'{"a": "\xc3\xa5\xff"}', "json_encoding", 8),
        (b"\xef\xbb\xbf{}", "json_encoding", 0),
        ('"å"'.encode() + b"[" * 65, "json_too_deep", 67),
    ],
)
def test_the_place_of_a_fault_is_counted_in_characters(data: bytes, code: str, position: int) -> None:
    with pytest.raises(BadMessage) as caught:
        loader.loads(data)
    assert (caught.value.code, caught.value.values["position"]) == (code, position)


@given(st.binary(max_size=200) | st.text(alphabet='[]{}",:\\u0aftrue null-1.e+', max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused_with_a_code(data: bytes) -> None:
    with contextlib.suppress(ConnectorError):
        json.dumps(loader.loads(data), allow_nan=False)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"", "json_invalid", id="empty"),
        pytest.param(b"{", "json_invalid", id="unfinished"),
        pytest.param(b"{} {}", "json_invalid", id="two-values"),
        pytest.param(b"\xef\xbb\xbf{}", "json_encoding", id="byte-order-mark"),
        pytest.param(b'"\xff"', "json_encoding", id="not-utf-8"),
        pytest.param(b'"\xed\xa0\x80"', "json_encoding", id="surrogate-in-utf-8"),
        pytest.param('{"a": 1}'.encode("utf-16"), "json_encoding", id="utf-16"),
        pytest.param(b"{'a': 1}", "json_invalid", id="single-quotes"),
        pytest.param(b'"a\x00b"', "json_invalid", id="raw-null-character"),
        pytest.param(b'{"a": 1, "a": 2}', "json_duplicate_key", id="duplicate-key"),
        pytest.param(b'{"a": 1, "\\u0061": 2}', "json_duplicate_key", id="duplicate-key-escaped"),
        pytest.param(b"[NaN]", "json_number", id="nan"),
        pytest.param(b"[-Infinity]", "json_number", id="infinity"),
        pytest.param(b"1e999", "json_number", id="float-too-large"),
        pytest.param(b"1" * 65, "json_number", id="integer-too-long"),
        pytest.param(b"0." + b"1" * 65, "json_number", id="float-too-long"),
        pytest.param(b'"\\u0000"', "json_text", id="null-character"),
        pytest.param(b'{"\\u0000": 1}', "json_text", id="null-character-in-a-key"),
        pytest.param(b'["\\ud83d"]', "json_text", id="lone-surrogate"),
        pytest.param(b'{"a": ["\\udc00"]}', "json_text", id="lone-surrogate-deep"),
    ],
)
def test_what_readers_disagree_about_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(BadMessage) as caught:
        loader.loads(data)
    assert caught.value.code == code


def test_a_surrogate_pair_is_one_character() -> None:
    assert loader.loads(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


def test_depth_is_counted_outside_strings_only() -> None:
    assert loader.loads(b'{"a": "' + b"[" * 1000 + b'"}') == {"a": "[" * 1000}
    assert loader.loads(b'["\\"' + b"{" * 100 + b'"]') == ['"' + "{" * 100]
    assert loader.loads(b"[" * 64 + b"]" * 64)
    assert loader.loads(b"[" + b"[]," * 100 + b"[]]") == [[]] * 101
    with pytest.raises(BadMessage) as caught:
        loader.loads(b"[" * 65 + b"]" * 65)
    assert (caught.value.code, caught.value.values["limit"]) == ("json_too_deep", 64)


def test_a_body_over_the_limit_is_not_read() -> None:
    assert loader.loads(b'"12"', limit=4) == "12"
    with pytest.raises(TooLarge) as caught:
        loader.loads(b'"123"', limit=4)
    assert (caught.value.code, caught.value.status) == ("body_too_large", 413)


def test_a_hostile_string_costs_no_more_than_its_length() -> None:
    data = b"[" * 60 + b"[]," * 10 + b'"' + b'\\"' * ((loader.PEER_BYTES - 200) // 2)
    began = time.process_time()
    with pytest.raises(BadMessage):
        loader.loads(data)
    assert time.process_time() - began < 1


def test_an_object_is_asked_for_and_given() -> None:
    assert loader.load_object(b'{"a": 1}') == {"a": 1}
    with pytest.raises(BadMessage) as caught:
        loader.load_object(b"[]")
    assert caught.value.code == "json_not_object"


@pytest.mark.parametrize("number", ["9007199254740992", "-9007199254740992", "1" * 30, "1" * 100])
def test_an_integer_that_readers_read_differently_is_refused(number: str) -> None:
    with pytest.raises(BadMessage, match="json_number"):
        loader.loads(number.encode())


def test_positions_are_known_by_pointer() -> None:
    text = b'{\n  "a": [1, {"b/c": "x,}"}],\n  "e": {}, "e": [],\n "f":[[],[2]]}'
    found = loader.positions(text)
    assert found.values[""] == (1, 1)
    assert found.values["/a/1/b~1c"] == (2, 20)
    assert found.names["/a/1/b~1c"] == (2, 13)
    assert found.values["/f/1/0"] == (4, 11)
    assert found.twice == {"/e": (3, 12)}


def test_the_nearest_place_is_given_for_what_is_not_there() -> None:
    found = loader.positions(b'{"a": {"b": 1}}')
    assert found.nearest("/a/b/c/d") == (1, 13)
    assert found.nearest("/a/b", name=True) == (1, 8)
    assert found.nearest("/x") == (1, 1)
    assert loader.positions(b"3").nearest("") == (1, 1)


def test_a_character_has_a_line_and_a_column() -> None:
    assert loader.line_of("ab\ncd", 4) == (2, 2)
    assert loader.line_of("ab", 0) == (1, 1)
