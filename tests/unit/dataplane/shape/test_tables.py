from __future__ import annotations

from pathlib import Path

import pytest

from connector.dataplane.shape.declared import Declaration
from connector.dataplane.shape.faults import Unshapable
from connector.dataplane.shape.recipe import Fields, Period, Recipe
from connector.dataplane.shape.tables import MOST_PENDING, Table

TEMPERATURES = Path("demo/data/statistics/uppsala_air_temperature.csv")


def _recipe(period: Period | None = None, fields: Fields | None = None, **declared: object) -> Recipe:
    return Recipe(period, fields or Fields(), Declaration(**declared))  # type: ignore[arg-type]


def _shaped(recipe: Recipe, data: bytes, piece: int = 7) -> bytes:
    table = Table(recipe)
    parts = [table.feed(data[start : start + piece]) for start in range(0, len(data), piece)]
    return b"".join([*parts, table.end()])


HOURLY = _recipe("hour", time=("time",))
SEMICOLON = (
    "tid;givare;nivå;flöde\r\n"
    "2026-08-14 05:00;B;1,20;3\r\n"
    "2026-08-14 05:10;A;0,5;\r\n"
    "2026-08-14 05:50;B;1,30;5\r\n"
    "2026-08-14 06:00;A;0,7;1\r\n"
).encode()


@pytest.mark.parametrize("piece", [1, 3, 10_000])
def test_hourly_means_do_not_depend_on_how_the_stream_is_cut(piece: int) -> None:
    data = b"time,level\n2026-08-14T05:00:00Z,1\n2026-08-14T05:59:59.9Z,2\n2026-08-14T06:00:00Z,4\n"
    assert _shaped(HOURLY, data, piece) == b"time,level\n2026-08-14T05:00:00Z,1.5\n2026-08-14T06:00:00Z,4\n"


def test_a_swedish_table_keeps_its_decimal_comma_its_delimiter_and_its_line_ends() -> None:
    recipe = _recipe("hour", time=("tid",), keys=("givare",))
    assert _shaped(recipe, SEMICOLON).decode() == (
        "tid;givare;nivå;flöde\r\n2026-08-14 05:00:00;A;0,5;\r\n2026-08-14 05:00:00;B;1,25;4\r\n"
        "2026-08-14 06:00:00;A;0,7;1\r\n"
    )


def test_a_byte_order_mark_is_kept_and_is_no_part_of_a_name() -> None:
    shaped = _shaped(HOURLY, b"\xef\xbb\xbftime,level\n2026-08-14T05:00,1\n")
    assert shaped == b"\xef\xbb\xbftime,level\n2026-08-14T05:00:00,1\n"


def test_only_named_columns_are_given_as_they_were_quotes_and_line_breaks_included() -> None:
    recipe = _recipe(fields=Fields(only=frozenset({"name", "note", "absent"})))
    data = b'id,name,note\n1,"Ek, Eva","two\nlines, and ""quotes"""\n2,Bo,\n'
    assert _shaped(recipe, data) == b'name,note\n"Ek, Eva","two\nlines, and ""quotes"""\nBo,\n'


def test_named_columns_are_left_out_whatever_the_case_of_their_letters() -> None:
    recipe = _recipe(fields=Fields(never=frozenset({"personnummer"})))
    assert _shaped(recipe, b"Personnummer;ort\n19121212;Ekby\n") == b"ort\nEkby\n"


def test_a_column_to_leave_out_that_is_not_there_may_have_another_name_now() -> None:
    recipe = _recipe(fields=Fields(never=frozenset({"personnummer"})))
    with pytest.raises(Unshapable, match="shape_column"):
        _shaped(recipe, b"pnr,ort\n19121212,Ekby\n")


def test_columns_that_may_not_be_served_are_gathered_by_nothing() -> None:
    recipe = _recipe("hour", Fields(only=frozenset({"tid", "nivå"})), time=("tid",), keys=("givare",))
    assert _shaped(recipe, SEMICOLON).decode().splitlines()[1] == "2026-08-14 05:00:00;1"


def test_the_real_temperatures_become_daily_means() -> None:
    recipe = _recipe("day", time=("date", "time_utc"))
    lines = _shaped(recipe, TEMPERATURES.read_bytes(), 64 * 1024).decode().splitlines()
    assert lines[:3] == ["date,time_utc,air_temperature_celsius", "1780-01-01,,0.433", "1780-01-02,,-3"]
    days = {line.split(",")[0] for line in TEMPERATURES.read_text().splitlines()[1:]}
    assert len(lines) - 1 == len(days)


def test_the_real_temperatures_become_hourly_means() -> None:
    recipe = _recipe("hour", time=("date", "time_utc"))
    lines = _shaped(recipe, TEMPERATURES.read_bytes(), 64 * 1024).decode().splitlines()
    assert lines[1] == "1780-01-01,07:00:00,-0.5"
    assert all(line.split(",")[1].endswith(":00:00") for line in lines[1:])


def test_a_row_may_be_two_days_late_and_comes_out_in_its_place() -> None:
    rows = [f"2026-08-{day:02}T{hour:02}:00,1" for day in (1, 2) for hour in range(24)]
    late = "\n".join(["time,level", *rows, "2026-08-01T00:30,3\n"]).encode()
    assert _shaped(HOURLY, late).decode().splitlines()[1] == "2026-08-01T00:00:00,2"


def test_a_row_of_a_period_that_was_given_is_a_fault() -> None:
    rows = [f"2026-08-{day:02}T{hour:02}:00,1" for day in (1, 2, 3) for hour in range(24)]
    with pytest.raises(Unshapable) as raised:
        _shaped(HOURLY, "\n".join(["time,level", *rows, "2026-08-01T00:30,3\n"]).encode())
    assert (raised.value.code, raised.value.values["row"]) == ("shape_order", 73)


def test_the_hour_that_winter_time_repeats_is_two_where_the_zone_is_written() -> None:
    data = b"time,level\n2026-10-25T02:30+02:00,1\n2026-10-25T02:30+01:00,3\n"
    assert _shaped(HOURLY, data).decode().splitlines()[1:] == [
        "2026-10-25T02:00:00+02:00,1", "2026-10-25T02:00:00+01:00,3",
    ]  # fmt: skip
    assert _shaped(_recipe("day", time=("time",)), data).decode().splitlines()[1:] == ["2026-10-25,2"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "shape_header"),
        (b"time,level\n2026-08-14T05:00\n", "shape_row"),
        (b'time,level\n2026-08-14T05:00,"1\n', "shape_row"),
        (b"time,level\n2026-08-14T05:00,one\n", "shape_number"),
        (b"time,level\n2026-08-14T05:00,nan\n", "shape_number"),
        (b"time,level\n14/8 2026,1\n", "shape_time"),
        (b"time,level\n,1\n", "shape_time"),
        (b"time,level\n2026-02-30T05:00,1\n", "shape_time"),
        (b"time,level\n2026-08-14T05:61,1\n", "shape_time"),
        (b"time,level\n2026-08-14T05:00,1\n2026-08-14T05:01Z,1\n", "shape_time"),
        (b"time,level\n2026-08-14T05:00,\xe51\n", "shape_encoding"),
        (b"tid,level\n2026-08-14T05:00,1\n", "shape_columns"),
        (b"time,level,level\n2026-08-14T05:00,1,2\n", "shape_header"),
        (b"time;level\n2026-08-14T05:00;1,5\n2026-08-14T05:00;1.5\n", "shape_number"),
    ],
)
def test_data_that_is_not_as_declared_is_never_given_on(data: bytes, why: str) -> None:
    with pytest.raises(Unshapable) as raised:
        _shaped(HOURLY, data)
    assert raised.value.code == why


def test_a_delimiter_that_cannot_be_told_has_to_be_declared() -> None:
    data, only = b"a;b,c\n1;2,3\n", Fields(only=frozenset({"a", "c"}))
    with pytest.raises(Unshapable, match="shape_delimiter"):
        _shaped(_recipe(fields=only), data)
    assert _shaped(_recipe(fields=only, delimiter=","), data) == b"c\n3\n"


def test_a_quotation_mark_that_nobody_closes_gathers_no_stream() -> None:
    table = Table(HOURLY)
    table.feed(b'time,level\n"')
    table.feed(b"x\n" * 50_000)
    with pytest.raises(Unshapable, match="shape_row"):
        table.feed(b"x\n" * 50_000)


def test_more_series_than_memory_is_given_for_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.dataplane.shape.means.MOST_MEANS", 2)
    recipe = _recipe("hour", time=("time",), keys=("id",))
    rows = b"".join(b"2026-08-14T05:00,%d,1\n" % number for number in range(3))
    with pytest.raises(Unshapable, match="shape_series"):
        _shaped(recipe, b"time,id,level\n" + rows)


def test_a_line_that_does_not_end_gathers_no_stream() -> None:
    table = Table(HOURLY)
    with pytest.raises(Unshapable, match="shape_row"):
        table.feed(b"time,level\n" + b"x" * (MOST_PENDING + 1))
