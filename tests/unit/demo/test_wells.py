"""The made-up wells: seeded, with a cloudburst, silent sensors, repeated and late readings, as entities of the data models."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from demo import stormwater, wells

SENSORS = Path(__file__).resolve().parents[3] / "demo" / "data" / "sensors"
SEED = 17


def schema(name: str) -> Any:
    """Return a data model's own schema; the common parts that it refers to are elsewhere on the web and left out."""
    found = json.loads((SENSORS / f"{name}-schema.json").read_text(encoding="utf-8"))
    found["allOf"] = [part for part in found["allOf"] if "$ref" not in part]
    return found


def test_a_seed_gives_the_same_day_and_another_seed_another() -> None:
    assert wells.day(SEED, 0) == wells.day.__wrapped__(SEED, 0)
    assert wells.day(SEED, 0) != wells.day(SEED + 1, 0)
    assert wells.day(SEED, 0) != wells.day(SEED, 1)


def test_twelve_wells_are_measured_every_five_minutes() -> None:
    readings = wells.day(SEED, 0)
    assert {reading.well for reading in readings} == {f"DV{number:03}" for number in range(1, 13)}
    assert {reading.observed for reading in readings} == set(range(288))


def test_the_cloudburst_raises_every_well_over_the_alert_level_and_it_falls_again() -> None:
    for well in wells.wells(SEED):
        levels = {reading.observed: reading.level_metres for reading in wells.day(SEED, 0) if reading.well == well.id}
        assert max(levels.values()) > wells.ALERT_METRES > levels[min(levels)]
        assert levels[max(levels)] < well.dry_metres + 0.1
        assert max(levels.values()) < wells.REFERENCE_METRES


def test_some_sensors_drop_out_and_some_readings_come_twice_or_late() -> None:
    readings = wells.day(SEED, 0)
    measured = {(reading.well, reading.observed) for reading in readings}
    assert len(measured) < 12 * 288
    repeated = [
        count for count in Counter((r.well, r.observed, r.level_metres) for r in readings).values() if count > 1
    ]
    assert repeated
    assert any(reading.arrived > reading.observed + 1 for reading in readings)
    assert all(reading.arrived >= reading.observed for reading in readings)


def test_what_has_not_arrived_yet_is_not_shown() -> None:
    late = next(reading for reading in wells.day(SEED, 0) if reading.arrived > reading.observed + 2)
    assert late not in set(wells.arrived(SEED, late.observed))
    assert late in set(wells.arrived(SEED, late.arrived))
    assert wells.latest(SEED, late.observed)[late.well].observed < late.observed


def test_the_simulation_goes_on_after_midnight() -> None:
    newest = wells.latest(SEED, 288 + 3)
    assert max(reading.observed for reading in newest.values()) == 288 + 3
    assert min(reading.observed for reading in wells.arrived(SEED, 3 * 288)) == 2 * 288


@pytest.mark.parametrize(("level", "status"), [(0.4, "Normal"), (1.30, "Alert"), (2.09, "Alert"), (2.10, "Danger")])
def test_the_status_follows_the_level(level: float, status: str) -> None:
    assert wells.status(level) == status


def test_the_entities_are_of_the_smart_data_models() -> None:
    by_id = {well.id: well for well in wells.wells(SEED)}
    flood, water = (jsonschema_rs.validator_for(schema(name)) for name in ("FloodMonitoring", "WaterObserved"))
    for reading in wells.day(SEED, 0)[:500]:
        flood.validate(stormwater.flood(reading))
        entity = stormwater.observed(reading, by_id[reading.well])
        water.validate(entity)
        longitude, latitude = entity["location"]["coordinates"]
        assert 10.5 < longitude < 24.2
        assert 55 < latitude < 69.1
