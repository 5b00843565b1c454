"""From the transforms that a decision requires to what is done to the rows (pure). What is not here is not done, ever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final, Literal

from connector.dataplane.shape.declared import Declaration
from connector.errors import Denied
from connector.policy.decision import Transform
from connector.policy.operands import FIELD, TEMPORAL_RESOLUTION
from connector.policy.values import Value, typed

VERSION: Final = 1
"""Of the transforms: a change of what they give is a change of every entity tag."""
Period = Literal["hour", "day"]
_SECONDS: Final[tuple[tuple[Period, int], ...]] = (("hour", 3600), ("day", 86400))


@dataclass(frozen=True, slots=True)
class Fields:
    """Which columns may be served: those in `only` (all, when it is `None`) that are not in `never`."""

    only: frozenset[str] | None = None
    never: frozenset[str] = frozenset()

    def keeps(self, name: str) -> bool:
        """Tell whether a column may be served. What must not be served is compared without regard to case."""
        return (self.only is None or name in self.only) and name.strip().casefold() not in self.never


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is done: means per `period`, then the `fields` that may be served, read as the owner declared."""

    period: Period | None
    fields: Fields
    declared: Declaration

    @property
    def digest(self) -> str:
        """A name for this recipe: another recipe of the same data gives other bytes."""
        fields = [sorted(self.fields.only) if self.fields.only is not None else None, sorted(self.fields.never)]
        seen = json.dumps([VERSION, self.period, fields, asdict(self.declared)])
        return hashlib.sha256(seen.encode()).hexdigest()

    @property
    def told(self) -> list[str]:
        """What is done, in short words for the journal."""
        only, never = self.fields.only, self.fields.never
        parts = [f"mean per {self.period}"] if self.period else []
        parts += [f"only {', '.join(sorted(only))}"] if only is not None else []
        return parts + ([f"without {', '.join(sorted(never))}"] if never else [])


def recipe(transforms: Iterable[Transform], declared: Declaration) -> Recipe:
    """Return what makes the constraints true. Several of a kind are all made true: the coarsest period, the fewest fields.

    Raises:
        Denied: `shape_missing`: no transform makes one of them true, for this dataset as it is declared.
    """
    periods: list[Period] = []
    fields = Fields()
    for each in transforms:
        if each.operand == TEMPORAL_RESOLUTION and declared.time:
            periods.append(_period(each))
        elif each.operand == FIELD and each.right:
            fields = _narrowed(fields, each)
        else:
            raise Denied("shape_missing", operand=each.operand)
    period: Period | None = "day" if "day" in periods else ("hour" if periods else None)
    return Recipe(period, fields, declared)


def _period(each: Transform) -> Period:
    """Return the shortest period that is as long as the one demanded: up to an hour, or up to a day."""
    length = typed(Value(each.right[0]), "duration") if len(each.right) == 1 else None
    if each.operator == "gteq" and isinstance(length, tuple) and length[0] == 0 and length[1] > 0:
        for name, seconds in _SECONDS:
            if length[1] <= seconds:
                return name
    raise Denied("shape_missing", operand=each.operand)


def _narrowed(fields: Fields, each: Transform) -> Fields:
    names = frozenset(name.strip() for name in each.right)
    if each.operator == "isAnyOf":
        return Fields(names if fields.only is None else fields.only & names, fields.never)
    if each.operator == "isNoneOf":
        return Fields(fields.only, fields.never | {name.casefold() for name in names})
    raise Denied("shape_missing", operand=each.operand)
