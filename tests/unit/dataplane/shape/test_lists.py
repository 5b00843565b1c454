from __future__ import annotations

import json
from typing import Any

import pytest

from connector.dataplane.shape.declared import Declaration
from connector.dataplane.shape.faults import Unshapable
from connector.dataplane.shape.lists import OBJECT_BYTES, List
from connector.dataplane.shape.recipe import Fields, Period, Recipe
from demo import stormwater, wells


def _recipe(period: Period | None = None, fields: Fields | None = None, **declared: object) -> Recipe:
    return Recipe(period, fields or Fields(), Declaration(**declared))  # type: ignore[arg-type]


def _shaped(recipe: Recipe, data: bytes, piece: int = 5) -> Any:
    shaping = List(recipe)
    parts = [shaping.feed(data[start : start + piece]) for start in range(0, len(data), piece)]
    return json.loads(b"".join([*parts, shaping.end()]))


LEVELS = _recipe("hour", time=("dateObserved",), keys=("refDevice",), values=("waterLevel",))
READING = b'{"t": "2026-08-14T05:00Z", "v": 1, "s": "}]\\""}'


def _readings() -> bytes:
    """What the demo's real stormwater API answers, a day into its rain; readings arrive late there."""
    simulation = stormwater.Simulation(17, 0)
    found = [
        reading
        for well in list(simulation.wells)[:2]
        for reading in [stormwater.observed(each, simulation.wells[well]) for each in _arrived(well)]
    ]
    found.sort(key=lambda reading: str(reading["dateObserved"]))
    return json.dumps(found, indent=1).encode()


def _arrived(well: str) -> list[Any]:
    return [reading for reading in wells.arrived(17, 100) if reading.well == well]


@pytest.mark.parametrize("piece", [1, 100, 10_000_000])
def test_the_stormwater_readings_of_the_demo_become_hourly_means_per_well(piece: int) -> None:
    data = _readings()
    shaped = _shaped(LEVELS, data, piece)
    assert [*shaped[0]] == ["dateObserved", "refDevice", "waterLevel"]
    first = [
        item["waterLevel"] for item in json.loads(data)
        if item["dateObserved"][:13] == shaped[0]["dateObserved"][:13] and item["refDevice"] == shaped[0]["refDevice"]
    ]  # fmt: skip
    assert shaped[0]["waterLevel"] == pytest.approx(sum(first) / len(first), abs=1e-4)
    assert all(item["dateObserved"].endswith(":00:00Z") for item in shaped)
    assert len({(item["dateObserved"], item["refDevice"]) for item in shaped}) == len(shaped)


def test_only_named_members_are_given() -> None:
    recipe = _recipe(fields=Fields(only=frozenset({"a"})))
    assert _shaped(recipe, b'[{"a": {"b": [1.50, "x"]}, "b": 2}, {"a": null}]') == [
        {"a": {"b": [1.5, "x"]}},
        {"a": None},
    ]


def test_members_that_must_not_be_served_are_removed_at_any_depth() -> None:
    recipe = _recipe(fields=Fields(never=frozenset({"name"})))
    data = b'[{"id": 1, "Name": "Eva", "owner": {"name": "Eva", "town": [{"name": 1, "x": 2}]}}]'
    assert _shaped(recipe, data) == [{"id": 1, "owner": {"town": [{"x": 2}]}}]


def test_without_declared_values_every_other_member_is_one() -> None:
    recipe = _recipe("day", time=("t",))
    data = (
        b'[{"t": "2026-08-14T05:00", "a": 1}, {"t": "2026-08-14", "a": 2, "b": 1.25}, {"t": "2026-08-15", "b": null}]'
    )
    assert _shaped(recipe, data) == [
        {"t": "2026-08-14", "a": 1.5, "b": 1.25},
        {"t": "2026-08-15", "a": None, "b": None},
    ]


def test_an_empty_list_stays_one() -> None:
    assert _shaped(LEVELS, b" [ ] \n") == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "shape_json"),
        (b"[", "shape_json"),
        (b"[" + READING, "shape_json"),
        (b"[" + READING + b"] x", "shape_json"),
        (b"[" + READING + b"][]", "shape_list"),
        (b"[" + READING + READING + b"]", "shape_list"),
        (b"[" + READING + b",]", "shape_list"),
        (b"[,]", "shape_list"),
        (READING, "shape_list"),
        (b"[[1]]", "shape_list"),
        (b"[1]", "shape_list"),
        (b'["x"]', "shape_list"),
        (b'[{"t": "2026-08-14T05:00Z", "t": "2026-08-14T06:00Z"}]', "shape_json"),
        (b'[{"t": "2026-08-14T05:00Z" "v": 1}]', "shape_json"),
        (b'[{"t": 5}]', "shape_time"),
        (b'[{"t": "yesterday"}]', "shape_time"),
        (b'[{"t": "2026-08-14T05:00Z", "v": "1"}]', "shape_number"),
        (b'[{"t": "2026-08-14T05:00Z", "v": true}]', "shape_number"),
    ],
)
def test_a_list_that_is_not_as_declared_is_never_given_on(data: bytes, why: str) -> None:
    with pytest.raises(Unshapable) as raised:
        _shaped(_recipe("hour", time=("t",), values=("v",)), data, 3)
    assert raised.value.code == why


def test_strings_with_brackets_are_no_brackets() -> None:
    assert _shaped(_recipe(fields=Fields(only=frozenset({"s"}))), b"[" + READING + b"]", 1) == [{"s": '}]"'}]


def test_an_object_that_does_not_end_gathers_no_stream() -> None:
    shaping = List(LEVELS)
    shaping.feed(b'[{"x": "')
    shaping.feed(b"x" * (OBJECT_BYTES // 2))
    with pytest.raises(Unshapable, match="shape_json"):
        shaping.feed(b"x" * (OBJECT_BYTES // 2))


def test_objects_without_any_member_that_may_be_served_are_a_fault() -> None:
    with pytest.raises(Unshapable, match="shape_nothing"):
        _shaped(_recipe(fields=Fields(only=frozenset({"a"}))), b'[{"b": 1}]')
