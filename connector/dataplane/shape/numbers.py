"""Numbers as data writes them, and their means (pure). Sums are exact decimals, so that the same data give the same bytes."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

MORE_PLACES: Final = 2
"""A mean has at most this many decimals more than the most exact of its values."""
_MOST_EXPONENT: Final = 30
_EXACT: Final = Context(prec=100, rounding=ROUND_HALF_EVEN)
_NUMBER: Final = re.compile(r"[+-]?\d{1,20}(?:([.,])\d{1,15})?(?:[eE]([+-]?\d{1,2}))?", re.ASCII)


class Marks:
    """Reads the numbers of one stream, whose decimal mark is one and the same: the declared one, or the first that is seen.

    Args:
        decimal: the declared mark.
        delimiter: of the columns, which cannot be the mark.
    """

    def __init__(self, decimal: str | None, delimiter: str = "") -> None:
        self.mark = decimal or ("." if delimiter == "," else None)

    def number(self, text: str) -> Decimal | None:
        """Return a number; nothing for a text that is none, or has another decimal mark than those before it."""
        match = _NUMBER.fullmatch(text)
        if match is None:
            return None
        mark, exponent = match.groups()
        if exponent is not None and abs(int(exponent)) > _MOST_EXPONENT:
            return None
        if mark is None:
            return Decimal(text)
        if self.mark is None:
            self.mark = mark
        if mark != self.mark:
            return None
        return Decimal(text if mark == "." else text.replace(",", ".", 1))


class Mean:
    """The mean of the numbers of one column in one period."""

    __slots__ = ("_count", "_last", "_places", "_total")

    def __init__(self) -> None:
        self._total = Decimal(0)
        self._count = 0
        self._places = 0
        self._last = Decimal(0)

    def add(self, value: Decimal) -> None:
        """Take one more number."""
        self._total = _EXACT.add(self._total, value)
        self._count += 1
        if value.same_quantum(self._last):
            return
        self._last = value
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int) and -exponent > self._places:
            self._places = -exponent

    def text(self) -> str:
        """Return the mean with a decimal point and without needless zeros; empty when there was no number."""
        if not self._count:
            return ""
        mean = _EXACT.divide(self._total, Decimal(self._count))
        rounded = _EXACT.quantize(mean, Decimal(1).scaleb(-(self._places + MORE_PLACES)))
        text = format(rounded, "f").rstrip("0").rstrip(".")
        return "0" if text in ("", "-0", "-") else text
