"""Stormwater wells on a day with a cloudburst: what their sensors measure, and when each reading arrives (pure, seeded).

The wells, their places and their levels are made up. A day has 288 steps of five minutes and one rain event; the water in
a well follows the rain as a linear reservoir does. Sensors drop out for a while, send some readings twice, some late.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

WELLS = 12
STEP_SECONDS = 300
STEPS_A_DAY = 288
ALERT_METRES = 1.30
DANGER_METRES = 2.10
REFERENCE_METRES = 3.00
_RAIN_FROM, _RAIN_STEPS = 6, 30
_MOST_MM = 4.5
_DUPLICATES, _LATE = 0.03, 0.04
_MOST_STEPS_LATE = 6


@dataclass(frozen=True, slots=True)
class Well:
    """A well: its place (degrees, WGS84), its dry level (metres), and how it answers to rain.

    Attributes:
        metres_per_mm: how far a millimetre of rain raises the level. kept: the share that is left after a step.
        lag: steps from the rain to the rise.
    """

    id: str
    longitude: float
    latitude: float
    dry_metres: float
    metres_per_mm: float
    kept: float
    lag: int


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured level. Steps are counted from the beginning of the simulation; `arrived` is never before `observed`."""

    well: str
    observed: int
    arrived: int
    level_metres: float


def wells(seed: int) -> tuple[Well, ...]:
    """Return the twelve wells of a seed."""
    chance = random.Random(f"wells {seed}")
    return tuple(_well(number, chance) for number in range(1, WELLS + 1))


def _well(number: int, chance: random.Random) -> Well:
    return Well(
        id=f"DV{number:03}",
        longitude=round(chance.uniform(17.00, 17.06), 4),
        latitude=round(chance.uniform(59.36, 59.39), 4),
        dry_metres=round(chance.uniform(0.20, 0.60), 2),
        metres_per_mm=round(chance.uniform(0.03, 0.07), 3),
        kept=round(chance.uniform(0.94, 0.97), 3),
        lag=chance.randint(1, 3),
    )


def rain(seed: int, day: int) -> tuple[float, ...]:
    """Return the rain of a day, in millimetres a step."""
    chance = random.Random(f"rain {seed} {day}")
    peak = chance.uniform(0.3, 0.5) * _RAIN_STEPS
    fallen = [0.0] * STEPS_A_DAY
    for step in range(_RAIN_STEPS):
        side = peak if step < peak else _RAIN_STEPS - peak
        shape = max(0.0, 1 - abs(step - peak) / side)
        fallen[_RAIN_FROM + step] = round(_MOST_MM * shape * chance.uniform(0.7, 1.1), 2)
    return tuple(fallen)


@lru_cache(maxsize=64)
def day(seed: int, number: int) -> tuple[Reading, ...]:
    """Return every reading that was measured on a day, in the order of arrival; duplicates and late ones included."""
    fallen = rain(seed, number)
    found = [reading for well in wells(seed) for reading in _sent(seed, number, well, fallen)]
    return tuple(sorted(found, key=lambda reading: (reading.arrived, reading.well, reading.observed)))


def _sent(seed: int, number: int, well: Well, fallen: tuple[float, ...]) -> Iterator[Reading]:
    chance = random.Random(f"sensor {seed} {number} {well.id}")
    silent = _drop_out(chance)
    for step, level in enumerate(_levels(well, fallen)):
        measured = round(min(level + chance.gauss(0, 0.003), REFERENCE_METRES - 0.05), 3)
        late = chance.randint(1, _MOST_STEPS_LATE) if chance.random() < _LATE else 0
        twice = chance.random() < _DUPLICATES
        if step in silent:
            continue
        observed = number * STEPS_A_DAY + step
        yield Reading(well.id, observed, observed + late, measured)
        if twice:
            yield Reading(well.id, observed, observed + late + 1, measured)


def _drop_out(chance: random.Random) -> range:
    """Return the steps in which a sensor is silent: a third of them fail once a day, for one to four hours."""
    if chance.random() > 1 / 3:
        return range(0)
    begin = chance.randint(60, 200)
    return range(begin, begin + chance.randint(12, 48))


def _levels(well: Well, fallen: tuple[float, ...]) -> Iterator[float]:
    """Yield the true level of every step of a day that begins dry."""
    raised = 0.0
    for step in range(len(fallen)):
        since = step - well.lag
        raised = raised * well.kept + (fallen[since] if since >= 0 else 0.0) * well.metres_per_mm
        yield well.dry_metres + raised


def arrived(seed: int, until: int) -> Iterator[Reading]:
    """Yield what has arrived by a step, newest day last; readings of the day before are kept, older ones are not."""
    today = until // STEPS_A_DAY
    for number in range(max(0, today - 1), today + 1):
        yield from (reading for reading in day(seed, number) if reading.arrived <= until)


def latest(seed: int, until: int) -> dict[str, Reading]:
    """Return the reading of each well that was measured last among those that have arrived by a step."""
    newest: dict[str, Reading] = {}
    for reading in arrived(seed, until):
        if reading.well not in newest or reading.observed >= newest[reading.well].observed:
            newest[reading.well] = reading
    return newest


def status(level_metres: float) -> str:
    """Return the flood status of a level: `Normal`, `Alert` or `Danger`."""
    if level_metres >= DANGER_METRES:
        return "Danger"
    return "Alert" if level_metres >= ALERT_METRES else "Normal"
