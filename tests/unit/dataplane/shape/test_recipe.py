from __future__ import annotations

import pytest

from connector.dataplane.shape.declared import Declaration, declaration, written
from connector.dataplane.shape.recipe import Fields, Recipe, recipe
from connector.errors import Denied, Invalid
from connector.ids import NS
from connector.policy.decision import Transform
from connector.policy.operands import FIELD, TEMPORAL_RESOLUTION

TIMED = Declaration(time=("time",))


def _resolution(length: str, operator: str = "gteq") -> Transform:
    return Transform("/permission/0/constraint/0", TEMPORAL_RESOLUTION, operator, (length,))


@pytest.mark.parametrize(
    ("length", "period"), [("PT1S", "hour"), ("PT15M", "hour"), ("PT1H", "hour"), ("PT61M", "day"), ("P1D", "day")]
)
def test_the_period_is_the_shortest_that_is_as_long_as_the_one_demanded(length: str, period: str) -> None:
    assert recipe([_resolution(length)], TIMED).period == period


@pytest.mark.parametrize(
    "transform",
    [
        _resolution("P1M"), _resolution("P2D"), _resolution("PT0S"), _resolution("-PT1H"), _resolution("an hour"),
        _resolution("PT1H", "lteq"), Transform("/p", TEMPORAL_RESOLUTION, "gteq", ()), Transform("/p", FIELD, "eq", ("a",)),
        Transform("/p", FIELD, "isAnyOf", ()), Transform("/p", NS + "minAge", "gteq", ("P1D",)),
    ],
)  # fmt: skip
def test_what_is_not_built_is_refused(transform: Transform) -> None:
    with pytest.raises(Denied, match="shape_missing"):
        recipe([_resolution("PT1H"), transform], TIMED)


def test_without_a_declared_time_column_there_is_no_resolution() -> None:
    with pytest.raises(Denied, match="shape_missing"):
        recipe([_resolution("PT1H")], Declaration())


def test_several_demands_are_all_met() -> None:
    fields = [
        Transform("/p", FIELD, "isAnyOf", ("a", "b", "c")),
        Transform("/p", FIELD, "isAnyOf", ("b", "c")),
        Transform("/p", FIELD, "isNoneOf", ("C ",)),
    ]
    made = recipe([_resolution("PT1H"), *fields, _resolution("P1D")], TIMED)
    assert made == Recipe("day", Fields(frozenset({"b", "c"}), frozenset({"c"})), TIMED)
    assert [name for name in "abc" if made.fields.keeps(name)] == ["b"]
    assert made.told == ["mean per day", "only b, c", "without c"]


def test_another_recipe_has_another_digest() -> None:
    made = [
        recipe([_resolution("PT1H")], TIMED),
        recipe([_resolution("P1D")], TIMED),
        recipe([_resolution("P1D")], Declaration(time=("time",), keys=("id",))),
        recipe([_resolution("P1D"), Transform("/p", FIELD, "isAnyOf", ("a",))], TIMED),
        recipe([_resolution("P1D"), Transform("/p", FIELD, "isNoneOf", ("a",))], TIMED),
    ]
    assert len({each.digest for each in made}) == len(made)


def test_a_declaration_is_written_as_it_was_read() -> None:
    shape = {"time": ["date", "time"], "keys": ["id"], "delimiter": ";", "decimal": ","}
    assert written(declaration({"kind": "file", "shape": shape})) == shape
    assert declaration({"shape": {"time": "at", "delimiter": "tab"}}) == Declaration(time=("at",), delimiter="\t")


@pytest.mark.parametrize(
    "shape",
    [
        "time", {"column": "time"}, {"time": 1}, {"time": [""]}, {"time": ["a", "b", "c"]}, {"time": ["a\n"]},
        {"delimiter": "x"}, {"decimal": ";"}, {"delimiter": ",", "decimal": ","}, {"keys": ["k"] * 201},
    ],
)  # fmt: skip
def test_a_wrong_declaration_is_refused(shape: object) -> None:
    with pytest.raises(Invalid, match="shape_declared"):
        declaration({"shape": shape})


def test_a_column_has_one_part() -> None:
    with pytest.raises(Invalid, match="shape_column_twice"):
        declaration({"shape": {"time": ["a"], "keys": ["a"]}})
