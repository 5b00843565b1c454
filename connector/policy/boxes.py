"""Sets of worlds as unions of boxes: for each dimension a set of points, as the bits of a whole number.

Differences of unions can grow without measure (containment is co-NP-hard), so a space counts its boxes and stops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Box = dict[str, int]
"""Dimension to the points allowed in it; a dimension that is not named allows every point. Never empty."""

Boxes = list[Box]
"""A union of boxes; the empty list is nowhere, `[{}]` everywhere."""

MOST = 4096


class Unclear(Exception):
    """The question is beyond what can be answered exactly: too many boxes, or values that cannot be ordered."""


@dataclass(frozen=True, slots=True)
class Space:
    """All dimensions with all of their points."""

    full: Mapping[str, int]

    def box(self, dimension: str, points: int) -> Boxes:
        """Return the worlds in which a dimension has one of these points."""
        if points == self.full[dimension]:
            return [{}]
        return [{dimension: points}] if points else []

    def both(self, one: Boxes, other: Boxes) -> Boxes:
        """Return the worlds that are in both."""
        return _bounded([met for a in one for b in other if (met := self._met(a, b)) is not None])

    def all_of(self, parts: Iterable[Boxes]) -> Boxes:
        """Return the worlds that are in every part."""
        found: Boxes = [{}]
        for part in parts:
            found = self.both(found, part)
        return found

    def less(self, one: Boxes, other: Boxes) -> Boxes:
        """Return the worlds of the first that are not in the second."""
        for hole in other:
            one = _bounded([rest for box in one for rest in self._without(box, hole)])
        return one

    def outside(self, boxes: Boxes) -> Boxes:
        """Return all other worlds."""
        return self.less([{}], boxes)

    def _met(self, one: Box, other: Box) -> Box | None:
        met = dict(one)
        for dimension, points in other.items():
            left = met.get(dimension, self.full[dimension]) & points
            if not left:
                return None
            met[dimension] = left
        return met

    def _without(self, box: Box, hole: Box) -> Boxes:
        """Return what is left of a box: one part for each dimension in which it reaches beyond the hole."""
        if self._met(box, hole) is None:
            return [box]
        left, rest = [], dict(box)
        for dimension, points in hole.items():
            had = rest.get(dimension, self.full[dimension])
            if had & ~points:
                left.append({**rest, dimension: had & ~points})
            rest[dimension] = had & points
        return left


def bits(flags: Sequence[bool]) -> int:
    """Return flags as a whole number, the first one in its lowest bit."""
    return sum(1 << index for index, flag in enumerate(flags) if flag)


def lowest(points: int) -> int:
    """Return the number of the lowest bit that is set."""
    return (points & -points).bit_length() - 1


def _bounded(boxes: Boxes) -> Boxes:
    if len(boxes) > MOST:
        raise Unclear
    return boxes
