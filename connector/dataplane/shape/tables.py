"""CSV (RFC 4180), piece by piece: bytes in, shaped bytes out. UTF-8 with or without a byte order mark.

The delimiter is the declared one; else the one of `, ; tab |` with which the header has every declared column, and if none is
declared the one that gives the most columns. Two that fit equally well are a fault.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from connector.dataplane.shape.declared import DELIMITERS, MOST_COLUMNS, Declaration
from connector.dataplane.shape.faults import Unshapable
from connector.dataplane.shape.means import Means, Row
from connector.dataplane.shape.numbers import Marks
from connector.dataplane.shape.periods import Calendar
from connector.dataplane.shape.recipe import Period, Recipe

MOST_PENDING: Final = 1024 * 1024
"""Characters of one row: a quotation mark that nobody closes must not gather the whole stream."""
_BOM: Final = codecs.BOM_UTF8


class Table:
    """Shapes one CSV stream: `feed` it bytes, then `end` it; both return bytes that are ready.

    Args:
        recipe: what to do.
        delimiter: known from the media type (a tab), or nothing.

    Both raise Unshapable; what was returned before stays right, but the stream must not look complete then.
    """

    def __init__(self, recipe: Recipe, delimiter: str | None = None) -> None:
        self._recipe = recipe
        self._delimiter = delimiter or recipe.declared.delimiter
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._text = ""
        self._first = True
        self._row = 0
        self._columns: _Columns | None = None
        self._out = io.StringIO()
        self._writer: Any = None

    def feed(self, data: bytes) -> bytes:
        """Take a piece."""
        if self._first and data:
            self._first = False
            if data.startswith(_BOM):
                data = data[len(_BOM) :]
                self._out.write("\ufeff")
        self._take(self._decoded(data, final=False), final=False)
        return self._ready()

    def end(self) -> bytes:
        """Take the end."""
        self._take(self._decoded(b"", final=True), final=True)
        if self._columns is None:
            raise Unshapable("shape_header")
        self._writer.writerows(self._columns.end())
        return self._ready()

    def _decoded(self, data: bytes, *, final: bool) -> str:
        try:
            return self._decoder.decode(data, final)
        except UnicodeDecodeError:
            raise Unshapable("shape_encoding", row=self._row) from None

    def _take(self, text: str, *, final: bool) -> None:
        self._text += text
        lines = self._lines(final=final)
        if self._columns is None and lines:
            lines = self._header(lines)
        rest = self._rows(lines, final=final)
        self._text = "".join(rest) + self._text
        if len(self._text) > MOST_PENDING:
            raise Unshapable("shape_row", row=self._row + 1)

    def _lines(self, *, final: bool) -> list[str]:
        """Take the complete lines out of the text; at the end also the last one, which may have no end of line."""
        lines = self._text.split("\n")
        self._text = lines.pop()
        ended = [line + "\n" for line in lines]
        if final and self._text:
            ended.append(self._text)
            self._text = ""
        return ended

    def _header(self, lines: list[str]) -> list[str]:
        line = lines[0]
        delimiter, names = _dialect(line, self._delimiter, self._recipe.declared)
        self._delimiter = delimiter
        self._columns = _columns(names, self._recipe, delimiter)
        ending = "\r\n" if line.endswith("\r\n") else "\n"
        self._writer = csv.writer(self._out, delimiter=delimiter, lineterminator=ending)
        self._writer.writerow(self._columns.header)
        return lines[1:]

    def _rows(self, lines: list[str], *, final: bool) -> list[str]:
        """Shape the complete rows and return the lines of the one that is not complete yet."""
        if self._columns is None:
            return lines
        reader = csv.reader(lines, delimiter=self._delimiter or ",", strict=True)
        done = 0
        try:
            for cells in reader:
                if cells:
                    self._row += 1
                    self._writer.writerows(self._columns.take(cells, self._row))
                done = reader.line_num
        except csv.Error:
            if final or reader.line_num < len(lines):
                raise Unshapable("shape_row", row=self._row + 1) from None
        return lines[done:]

    def _ready(self) -> bytes:
        if self._writer is None:
            return b""
        data = self._out.getvalue().encode()
        self._out.seek(0)
        self._out.truncate()
        return data


class _Columns:
    """What becomes of the cells of a row."""

    header: list[str]

    def take(self, cells: list[str], row: int) -> Sequence[Sequence[str]]:
        """Return the rows to write now that this one has come."""
        raise NotImplementedError

    def end(self) -> Sequence[Sequence[str]]:
        """Return the rows to write at the end."""
        return ()


class _Chosen(_Columns):
    """Some of the columns, as they are."""

    def __init__(self, names: list[str], recipe: Recipe) -> None:
        self._width = len(names)
        self._places = [place for place, name in enumerate(names) if recipe.fields.keeps(name)]
        self.header = [names[place] for place in self._places]

    def take(self, cells: list[str], row: int) -> Sequence[Sequence[str]]:
        if len(cells) != self._width:
            raise Unshapable("shape_row", row=row)
        return ([cells[place] for place in self._places],)


class _Gathered(_Columns):
    """Means per period and series of the columns that may be served."""

    def __init__(self, names: list[str], recipe: Recipe, period: Period, delimiter: str) -> None:
        declared, keeps = recipe.declared, recipe.fields.keeps
        given = {*declared.time, *declared.keys}
        chosen = declared.values or tuple(name for name in names if name not in given)
        self._names, self._keeps = names, [keeps(name) for name in declared.time]
        self._times = [names.index(name) for name in declared.time]
        self._keys = [names.index(name) for name in declared.keys if keeps(name)]
        self._values = [names.index(name) for name in chosen if keeps(name)]
        self._calendar, self._marks, self._means = Calendar(period), Marks(declared.decimal, delimiter), Means()
        shown = [name for name, kept in zip(declared.time, self._keeps, strict=True) if kept]
        self.header = shown + [names[place] for place in (*self._keys, *self._values)]

    def take(self, cells: list[str], row: int) -> Sequence[Sequence[str]]:
        if len(cells) != len(self._names):
            raise Unshapable("shape_row", row=row)
        stamp = self._calendar.stamp("T".join(cells[place].strip() for place in self._times))
        if stamp is None:
            raise Unshapable("shape_time", row=row, column=self._names[self._times[0]])
        values = [self._number(cells[place].strip(), place, row) for place in self._values]
        series = tuple(cells[place] for place in self._keys)
        return [self._written(each) for each in self._means.add(stamp, series, values, row)]

    def end(self) -> Sequence[Sequence[str]]:
        return [self._written(each) for each in self._means.end()]

    def _number(self, text: str, place: int, row: int) -> Decimal | None:
        if not text:
            return None
        found = self._marks.number(text)
        if found is None:
            raise Unshapable("shape_number", row=row, column=self._names[place])
        return found

    def _written(self, row: Row) -> list[str]:
        stamp, mark = row.stamp, self._marks.mark
        times = [stamp.text] if len(self._keeps) == 1 else [stamp.date, stamp.clock]
        shown = [text for text, kept in zip(times, self._keeps, strict=True) if kept]
        means = [text.replace(".", mark) for text in row.means] if mark == "," else row.means
        return [*shown, *row.series, *means]


def _columns(names: list[str], recipe: Recipe, delimiter: str) -> _Columns:
    known = {name.strip().casefold() for name in names}
    missing = sorted(recipe.fields.never - known)
    if missing:
        raise Unshapable("shape_column", column=missing[0])
    found: _Columns = (
        _Chosen(names, recipe) if recipe.period is None else _Gathered(names, recipe, recipe.period, delimiter)
    )
    if not found.header:
        raise Unshapable("shape_nothing")
    return found


def _dialect(line: str, delimiter: str | None, declared: Declaration) -> tuple[str, list[str]]:
    """Return the delimiter of a header, and its names."""
    found: dict[str, list[str]] = {}
    for each in (delimiter,) if delimiter else DELIMITERS:
        names = _names(line, each)
        if names is not None and set(declared.named) <= set(names):
            found[each] = names
    if not found:
        raise Unshapable("shape_columns", column=", ".join(declared.named))
    most = max(map(len, found.values()))
    best = [(each, names) for each, names in found.items() if len(names) == most]
    if len(best) > 1 and most > 1:
        raise Unshapable("shape_delimiter")
    delimiter, names = best[0]
    if len(set(names)) != len(names) or len(names) > MOST_COLUMNS:
        raise Unshapable("shape_header")
    return delimiter, names


def _names(line: str, delimiter: str) -> list[str] | None:
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=delimiter, strict=True))]
    except (csv.Error, StopIteration):
        return None
