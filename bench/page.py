"""The figures on docs/reference/performance.md, between two marks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench import machine
from bench.figures import Figure, table

PAGE = Path("docs/reference/performance.md")
_BEGIN, _END = "<!-- figures: make bench ARGS=--write -->", "<!-- end of figures -->"


def write(figures: Sequence[Figure]) -> None:
    """Replace the page's figures. Raises ValueError when the page has lost its marks."""
    head, begin, rest = PAGE.read_text().partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    if not begin or not end:
        message = f"{PAGE} has no place for figures"
        raise ValueError(message)
    lines = [_BEGIN, f"Measured on: {machine.facts()}.", "", *table(figures), _END]
    PAGE.write_text(head + "\n".join(lines) + tail)
