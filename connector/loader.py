"""The one reader of JSON bytes: limits first, then the standard parser, then nothing surprising left.

RFC 8259 leaves duplicate keys, NaN and lone surrogates to the reader; here they are refused, so that what we check,
sign and store is what every other reader sees.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, NoReturn

from connector.errors import BadMessage, TooLarge

PEER_BYTES = 256 * 1024
OPERATOR_BYTES = 1024 * 1024
DEPTH = 64
_NUMBER_CHARACTERS = 64
_EXACT = 2**53 - 1
# A string that never ends is one token to the end of the input, so that the scan stays linear.
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def loads(data: bytes, *, limit: int = PEER_BYTES, depth: int = DEPTH) -> Any:
    """Return the JSON value in UTF-8 bytes.

    Args:
        data: the bytes as they came.
        limit: the most bytes accepted.
        depth: the most levels of nesting accepted.

    Raises:
        TooLarge: `body_too_large`.
        BadMessage: `json_invalid`, `json_encoding`, `json_too_deep`, `json_duplicate_key`, `json_number`, `json_text`.
    """
    if len(data) > limit:
        raise TooLarge("body_too_large", limit_bytes=limit)
    text = _text(data)
    _check_depth(data, depth)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_members,
            parse_constant=_refuse_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadMessage("json_invalid", position=getattr(error, "pos", 0)) from None
    if b"\\u" in data:
        _check_text(value)
    return value


def load_object(data: bytes, *, limit: int = PEER_BYTES, depth: int = DEPTH) -> dict[str, Any]:
    """Return the JSON object in bytes; as `loads`, and `json_not_object` for any other value."""
    value = loads(data, limit=limit, depth=depth)
    if not isinstance(value, dict):
        raise BadMessage("json_not_object")
    return value


def _text(data: bytes) -> str:
    """Return the text in bytes. A byte order mark is refused, as RFC 8259, section 8.1 allows; its cause is told."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise BadMessage("json_encoding", position=len(data[: error.start].decode())) from None
    if text.startswith("\ufeff"):
        raise BadMessage("json_encoding", position=0)
    return text


def _check_depth(data: bytes, most: int) -> None:
    if data.count(b"{") + data.count(b"[") <= most:
        return
    level = 0
    for match in _TOKENS.finditer(data):
        first = data[match.start()]
        if first in b"[{":
            level += 1
            if level > most:
                position = len(data[: match.start()].decode())
                raise BadMessage("json_too_deep", limit=most, position=position)
        elif first in b"]}":
            level -= 1


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise BadMessage("json_duplicate_key", field=twice[:64])
    return members


def _refuse_constant(_name: str) -> NoReturn:
    raise BadMessage("json_number")


def _float(text: str) -> float:
    value = float(text)
    if len(text) > _NUMBER_CHARACTERS or value in (float("inf"), float("-inf")):
        raise BadMessage("json_number")
    return value


def _int(text: str) -> int:
    """Read an integer that every other reader reads alike (RFC 8785, section 3.2.2.3: below 2^53)."""
    value = int(text) if len(text) <= _NUMBER_CHARACTERS else _EXACT + 1
    if not -_EXACT <= value <= _EXACT:
        raise BadMessage("json_number")
    return value


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise BadMessage("json_text")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check_text(item)
    elif isinstance(value, list):
        for item in value:
            _check_text(item)


_SURPRISES = {"json_number": re.compile(r"-?[0-9.]+(?:[eE][-+]?[0-9]+)?|-?Infinity|NaN"), "json_text": re.compile('"')}


def surprise(data: bytes, code: str) -> int:
    """Return the character at which stands what `loads` refused as a `json_number` or a `json_text`; 0 for any other code."""
    begins, text = _SURPRISES.get(code), data.decode(errors="replace")
    for match in _LEXEMES.finditer(text) if begins else ():
        if begins and begins.match(match[0]) and _refused(match[0], code):
            return match.start()
    return 0


def _refused(lexeme: str, code: str) -> bool:
    try:
        loads(lexeme.encode())
    except BadMessage as error:
        return error.code == code
    return False


_LEXEMES = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},]|[^\s\[\]{},":]+', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Positions:
    """Where things stand in a JSON text, as (line, column) from 1, by JSON pointer (RFC 6901).

    `values` has every value, `names` the name of every member, `twice` the second mention of a member.
    """

    values: dict[str, tuple[int, int]] = field(default_factory=dict)
    names: dict[str, tuple[int, int]] = field(default_factory=dict)
    twice: dict[str, tuple[int, int]] = field(default_factory=dict)

    def nearest(self, pointer: str, *, name: bool = False) -> tuple[int, int]:
        """Return where the thing at a pointer stands, or the nearest thing around it; `name` for a member's name."""
        known = {**self.values, **self.names} if name else self.values
        while pointer and pointer not in known:
            pointer = pointer.rpartition("/")[0]
        return known.get(pointer, (1, 1))


def line_of(text: str, offset: int) -> tuple[int, int]:
    """Return the line and column of a character."""
    before = text[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


def positions(data: bytes) -> Positions:
    """Return where everything stands in a JSON text that `loads` has read, or refused for a member that is there twice."""
    text, found = data.decode(), Positions()
    lines = [0, *(match.end() for match in re.finditer("\n", text))]
    holders: list[tuple[str, list[int]]] = []
    member: str | None = None
    for match in _LEXEMES.finditer(text):
        lexeme = match[0]
        if lexeme in ("]", "}"):
            holders.pop()
        if lexeme in (",", "]", "}"):
            continue
        line = bisect_right(lines, match.start())
        here = (line, match.start() - lines[line - 1] + 1)
        if holders and not holders[-1][1] and member is None:
            member = _named(lexeme, holders[-1][0], here, found)
            continue
        pointer = _place(holders, member)
        found.values.setdefault(pointer, here)
        member = None
        if lexeme in ("[", "{"):
            holders.append((pointer, [0] if lexeme == "[" else []))
    return found


def _named(lexeme: str, holder: str, here: tuple[int, int], found: Positions) -> str:
    name = json.loads(lexeme).replace("~", "~0").replace("/", "~1")
    known = found.twice if f"{holder}/{name}" in found.names else found.names
    known[f"{holder}/{name}"] = here
    return str(name)


def _place(holders: list[tuple[str, list[int]]], member: str | None) -> str:
    """Return the pointer of the next value; an array counts its items."""
    if not holders:
        return ""
    holder, count = holders[-1]
    if member is not None:
        return f"{holder}/{member}"
    count[0] += 1
    return f"{holder}/{count[0] - 1}"
