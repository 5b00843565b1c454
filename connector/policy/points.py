"""Test points: for a left operand, values so chosen that every other value is treated like one of them by given constraints.

For an ordered type these are each bound, one value between two bounds and one beyond either end; for names, each that is
mentioned and one that is not, alone and together, with every membership that facts could state. "Not known" is a point too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cmp_to_key
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

from connector.policy.boxes import Unclear
from connector.policy.registry import part_of
from connector.policy.values import identity, order

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from connector.policy.values import Kind, Typed

MOST_CLASSES = 5
_STRANGER, _BARE = "urn:example:other", "other"
_DAY = 86400


@dataclass(frozen=True, slots=True)
class Point:
    """A value as a case states it (`None`: not known), and what its names belong to by the facts of the case."""

    value: Any
    part_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


UNKNOWN = Point(None)


@dataclass(frozen=True, slots=True)
class Use:
    """One comparison that a point must tell apart: the operator and its right values."""

    operator: str
    right: tuple[Typed, ...]


def points(kind: Kind, uses: Sequence[Use], prefix: str, *, single: bool = False) -> list[Point]:
    """Return the test points of an operand for the comparisons made with it.

    Args:
        kind: the operand's type.
        uses: every comparison.
        prefix: goes into the names that are made up, so that operands do not share them.
        single: whether it has at most one value.

    Raises:
        Unclear: bounds that cannot be ordered, or too many names.
    """
    rights = list(dict.fromkeys(value for use in uses for value in use.right))
    if kind == "iri":
        return [UNKNOWN, *_named(rights, uses, prefix, single=single)]
    if kind == "boolean":
        return [UNKNOWN, *(Point(each) for each in ("true", "false", ["true", "false"]))]
    if kind == "string":
        return [UNKNOWN, *_texts(rights)]
    values = _numbers(rights) if kind == "number" else _lengths(rights) if kind == "duration" else _moments(rights)
    texts = [written(value) for value in values]
    several = [] if single else [Point([*pair]) for pair in combinations(texts, 2)]
    return [UNKNOWN, *(Point(text) for text in texts), *several]


def written(value: Any) -> Any:
    """Return a typed value as a case states it; an instant stays a number of seconds."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if not isinstance(value, tuple):
        return value
    months, seconds = value
    sign = "-" if months < 0 or seconds < 0 else ""
    return f"{sign}P{abs(months)}MT{abs(seconds):f}S"


def stated(moment: float) -> str:
    """Return an instant as a case states it; "" beyond the calendar."""
    try:
        return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return ""


def _numbers(bounds: list[Any]) -> list[Decimal]:
    known = sorted(bounds)
    between = [(one + other) / 2 for one, other in pairwise(known)]
    return [*known, *between, known[0] - 1, known[-1] + 1] if known else [Decimal(0)]


def _moments(bounds: list[Any]) -> list[float]:
    known = sorted(bounds)
    between = [_moment(one, other) for one, other in pairwise(known)]
    return [*known, *between, known[0] - _DAY, known[-1] + _DAY] if known else [0.0]


def _moment(one: float, other: float) -> float:
    """Return an instant between two, in whole seconds where there is one."""
    middle = (one + other) / 2
    return middle // 1 if one < middle // 1 else middle


def _lengths(bounds: list[Any]) -> list[tuple[int, Decimal]]:
    for one, other in combinations(bounds, 2):
        if order(one, other) is None:
            raise Unclear
    known = sorted(bounds, key=cmp_to_key(_order))
    if not known:
        return [(0, Decimal(0))]
    between = [_length(one, other) for one, other in pairwise(known)]
    below, above = known[0], known[-1]
    return [*known, *between, (below[0], below[1] - 1), (above[0], above[1] + _DAY)]


def _order(one: Any, other: Any) -> int:
    return order(one, other) or 0


def _length(one: tuple[int, Decimal], other: tuple[int, Decimal]) -> tuple[int, Decimal]:
    found = (one[0], (one[1] + other[1]) / 2) if one[0] == other[0] else (one[0], one[1] + 1)
    if order(one, found) != -1 or order(found, other) != -1:
        raise Unclear
    return found


def _texts(rights: list[Any]) -> list[Point]:
    """Return every combination of the texts mentioned and one that is not."""
    if len(rights) > MOST_CLASSES:
        raise Unclear
    names = [*rights, _BARE]
    return [
        Point(chosen[0] if size == 1 else [*chosen])
        for size in range(1, len(names) + 1)
        for chosen in combinations(names, size)
    ]


def _named(rights: list[Any], uses: Sequence[Use], prefix: str, *, single: bool) -> list[Point]:
    classes = _classes(rights, uses)
    if len(classes) > MOST_CLASSES or any(use.operator == "hasPart" for use in uses):
        raise Unclear
    groups = list(dict.fromkeys(_memberships(classes)))
    stranger, bare, second = (f"{_STRANGER}:{prefix}", f"{_BARE}-{prefix}", f"{_STRANGER}:{prefix}-2")
    found = [Point(name) for name in (stranger, *classes, bare)]
    found += [_member(name, group) for group in groups for name in (stranger, *classes, bare)]
    if single:
        return found
    found += [
        Point([stranger, second], {stranger: tuple(more), second: tuple(less)})
        for more in groups
        for less in groups
        if less <= more
    ]
    return [*found, *(Point([stranger, second], {stranger: tuple(group)}) for group in groups)]


def _member(name: str, group: Collection[str]) -> Point:
    """Return a point whose name belongs to a group besides what it is known to belong to."""
    return Point(name, {name: tuple(dict.fromkeys([*part_of().get(name, ()), *group]))})


def _classes(rights: Iterable[Any], uses: Sequence[Use]) -> list[str]:
    """Return one of the names in each class that no comparison tells apart."""
    names = [identity(str(right)) for right in rights]
    apart = any(use.operator == "isAllOf" and len(use.right) > 1 for use in uses)
    classes: dict[Any, str] = {}
    for name in names:
        used = tuple(name in use.right for use in uses)
        kin = frozenset(other for other in names if other != name and (_above(name, other) or _above(other, name)))
        classes.setdefault(name if apart else (used, kin), name)
    return [*classes.values()]


def _above(name: str, other: str) -> bool:
    """Tell whether a name is known to belong to another, directly or not."""
    return any(broader == other or _above(broader, other) for broader in part_of().get(name, ()))


def _memberships(classes: Sequence[str]) -> Iterable[frozenset[str]]:
    """Return every set of groups that a name may belong to: with a group, all that the group belongs to."""
    for size in range(len(classes) + 1):
        for chosen in combinations(classes, size):
            group = frozenset(chosen)
            yield group | {other for name in group for other in classes if _above(name, other)}
