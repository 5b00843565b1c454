"""What a benchmark finds: figures with their goals, and how they are shown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Goal = tuple[Literal["at least", "at most"], float]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number.

    Attributes:
        name: what was measured. value: in `unit`; None where it was left out, and then `note` says why.
        goal: what it should be, or None where it is shown for information.
    """

    name: str
    value: float | None
    unit: str
    goal: Goal | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal or a value."""
        if self.goal is None or self.value is None:
            return None
        bound, wanted = self.goal
        return self.value >= wanted if bound == "at least" else self.value <= wanted

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """The row of a table: name, value, goal with its verdict, note."""
        value = "left out" if self.value is None else f"{_digits(self.value)} {self.unit}".strip()
        if self.goal is None:
            return self.name, value, "", self.note
        bound, wanted = self.goal
        verdict = {True: ": met", False: ": MISSED", None: ""}[self.met]
        return self.name, value, f"{bound} {_digits(wanted)}{verdict}", self.note


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share (0 to 1) of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(values: Sequence[float]) -> str:
    """Return the least and the greatest of values, as text."""
    return f"{_digits(min(values))} to {_digits(max(values))}"


def table(figures: Sequence[Figure]) -> list[str]:
    """Return figures as the lines of a Markdown table, its columns aligned."""
    rows = [("Figure", "Measured", "Goal", "How"), *(figure.cells for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def _digits(value: float) -> str:
    """Return a number with three digits that count, never as a power of ten."""
    if abs(value) >= 100:  # noqa: PLR2004 - whole numbers say enough from here on
        return f"{value:,.0f}"
    return f"{value:.3g}"
