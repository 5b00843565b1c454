"""JSON lists, piece by piece: an array of objects in, a shaped array of objects out.

The array is cut into its objects here, by brackets and strings alone; each object is read by the connector's one reader of
JSON, with its limits (see docs/adr for why no streaming parser was taken).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import orjson

from connector import loader
from connector.dataplane.shape.faults import Unshapable
from connector.dataplane.shape.means import Means, Row
from connector.dataplane.shape.numbers import Marks
from connector.dataplane.shape.periods import Calendar
from connector.dataplane.shape.recipe import Period, Recipe
from connector.errors import PeerError

OBJECT_BYTES: Final = 1024 * 1024
MOST_MEMBERS: Final = 200
_TOKENS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["\[\]{}]|[^\s"\[\]{},]+', re.DOTALL)
_BETWEEN: Final = re.compile(rb"\s*,\s*")
_BOM: Final = b"\xef\xbb\xbf"


class List:
    """Shapes one JSON list: `feed` it bytes, then `end` it; both return bytes that are ready, and raise Unshapable."""

    def __init__(self, recipe: Recipe) -> None:
        self._objects = _Objects()
        self._shaped = _Chosen(recipe) if recipe.period is None else _Gathered(recipe, recipe.period)
        self._row = 0
        self._written = False

    def feed(self, data: bytes) -> bytes:
        """Take a piece."""
        found: list[bytes] = []
        for text in self._objects.feed(data):
            self._row += 1
            found += self._shaped.take(self._read(text), self._row)
        return self._joined(found)

    def end(self) -> bytes:
        """Take the end."""
        self._objects.end()
        return self._joined(self._shaped.end()) + (b"\n]\n" if self._written else b"[]\n")

    def _read(self, text: bytes) -> dict[str, Any]:
        try:
            return loader.load_object(text, limit=OBJECT_BYTES)
        except PeerError:
            raise Unshapable("shape_json", row=self._row) from None

    def _joined(self, objects: list[bytes]) -> bytes:
        if not objects:
            return b""
        head = b",\n" if self._written else b"[\n"
        self._written = True
        return head + b",\n".join(objects)


class _Objects:
    """Cuts an array into the bytes of its objects."""

    def __init__(self) -> None:
        self._rest = b""
        self._depth = 0
        self._count = 0
        self._ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give the objects that are complete. What is between them must be one comma."""
        held = self._rest + data
        if self._depth == 0 and held.startswith(_BOM):
            held = held[len(_BOM) :]
        done, start, level = 0, -1, self._depth
        for match in _TOKENS.finditer(held):
            token = match[0]
            if token == b'"' or (match.end() == len(held) and token not in b"[]{}"):
                break  # not complete yet
            if level <= 1:
                self._outside(held[done : match.start()], token)
            if token in (b"{", b"["):
                level += 1
                start = match.start() if level == 2 else start  # noqa: PLR2004 - an object of the array
                done = match.end() if level == 1 else done
            elif token in (b"}", b"]"):
                level -= 1
                done = match.end() if level <= 1 else done
                if level == 1:
                    self._count += 1
                    yield held[start:done]
                self._ended = level == 0
            self._depth = min(level, 1)
        self._rest = held[done:]
        self._check()

    def end(self) -> None:
        """Make sure that the array was closed and nothing follows it."""
        if not self._ended or self._rest.strip():
            raise Unshapable("shape_json", row=self._count)

    def _check(self) -> None:
        if len(self._rest) > OBJECT_BYTES or (self._ended and self._rest.strip()):
            raise Unshapable("shape_json", row=self._count + 1)

    def _outside(self, between: bytes, token: bytes) -> None:
        """Check what stands outside the objects: an opening bracket, commas, a closing bracket."""
        if self._ended:
            fits = False
        elif self._depth == 0:
            fits = token == b"[" and not between.strip()
        elif token == b"]":
            fits = not between.strip()
        elif token == b"{":
            fits = bool(_BETWEEN.fullmatch(between)) if self._count else not between.strip()
        else:
            fits = False
        if not fits:
            raise Unshapable("shape_list", row=self._count + 1)


class _Chosen:
    """Some of the members of each object."""

    def __init__(self, recipe: Recipe) -> None:
        self._fields = recipe.fields

    def take(self, value: dict[str, Any], row: int) -> list[bytes]:
        """Return the object with the members that may be served; what must not be served is removed at any depth."""
        kept = {name: self._cleared(item) for name, item in value.items() if self._fields.keeps(name)}
        if not kept and value:
            raise Unshapable("shape_nothing", row=row)
        return [orjson.dumps(kept)]

    def end(self) -> list[bytes]:
        """Nothing is left."""
        return []

    def _cleared(self, value: Any) -> Any:
        never = self._fields.never
        if isinstance(value, dict) and never:
            return {name: self._cleared(item) for name, item in value.items() if name.strip().casefold() not in never}
        if isinstance(value, list) and never:
            return [self._cleared(item) for item in value]
        return value


class _Gathered:
    """Means per period and series of the members that may be served."""

    def __init__(self, recipe: Recipe, period: Period) -> None:
        declared, self._keeps = recipe.declared, recipe.fields.keeps
        self._times, self._keys = declared.time, [name for name in declared.keys if self._keeps(name)]
        self._declared = [name for name in declared.values if self._keeps(name)] if declared.values else None
        self._named = {*declared.time, *declared.keys}
        self._values: dict[str, int] = {name: place for place, name in enumerate(self._declared or [])}
        self._calendar, self._marks, self._means = Calendar(period), Marks("."), Means()

    def take(self, value: dict[str, Any], row: int) -> list[bytes]:
        """Return the objects of the period that this one closes."""
        texts = [self._text(value, name, row) for name in self._times]
        stamp = self._calendar.stamp("T".join(texts))
        if stamp is None:
            raise Unshapable("shape_time", row=row, column=self._times[0])
        series = tuple(self._key(value, name, row) for name in self._keys)
        return [self._written(each) for each in self._means.add(stamp, series, self._numbers(value, row), row)]

    def end(self) -> list[bytes]:
        """Return the objects of the periods that are still open."""
        return [self._written(each) for each in self._means.end()]

    def _text(self, value: dict[str, Any], name: str, row: int) -> str:
        found = value.get(name)
        if not isinstance(found, str):
            raise Unshapable("shape_time", row=row, column=name)
        return found

    def _key(self, value: dict[str, Any], name: str, row: int) -> str:
        found = value.get(name)
        if name not in value or isinstance(found, dict | list):
            raise Unshapable("shape_column", row=row, column=name)
        return orjson.dumps(found).decode()

    def _numbers(self, value: dict[str, Any], row: int) -> list[Decimal | None]:
        if self._declared is None:
            for name in value:
                if name not in self._values and name not in self._named and self._keeps(name):
                    self._values[name] = len(self._values)
            if len(self._values) > MOST_MEMBERS:
                raise Unshapable("shape_header", row=row)
        return [self._number(value.get(name), name, row) for name in self._values]

    def _number(self, found: Any, name: str, row: int) -> Decimal | None:
        if found is None:
            return None
        number = (
            None if isinstance(found, bool) or not isinstance(found, int | float) else self._marks.number(repr(found))
        )
        if number is None:
            raise Unshapable("shape_number", row=row, column=name)
        return number

    def _written(self, row: Row) -> bytes:
        stamp = row.stamp
        times = [stamp.text] if len(self._times) == 1 else [stamp.date, stamp.clock]
        members = [
            (name, orjson.dumps(text).decode())
            for name, text in zip(self._times, times, strict=True)
            if self._keeps(name)
        ]
        members += zip(self._keys, row.series, strict=True)
        members += [(name, text or "null") for name, text in zip(self._values, row.means, strict=False)]
        return ("{" + ", ".join(f"{orjson.dumps(name).decode()}: {text}" for name, text in members) + "}").encode()
