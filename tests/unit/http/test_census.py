from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from connector.http.census import Census


@dataclass(eq=False)
class Seat:
    name: str
    evicted: list[str] = field(default_factory=list)

    def evict(self) -> None:
        self.evicted.append(self.name)


def test_an_address_at_its_cap_evicts_its_own_longest_waiting() -> None:
    census = Census(2, 10)
    first, second, third, other = (Seat(name) for name in "abcd")
    assert all(census.admit(seat, "x") for seat in (first, second))
    assert census.admit(other, "y")
    census.waits(first)
    assert census.admit(third, "x")
    assert (first.evicted, second.evicted, other.evicted) == ([], ["b"], [])
    assert len(census) == 3


def test_connections_at_work_keep_their_place() -> None:
    census = Census(1, 10)
    working, new = Seat("a"), Seat("b")
    assert census.admit(working, "x")
    census.works(working)
    assert not census.admit(new, "x")
    assert not working.evicted
    census.waits(working)
    assert census.admit(new, "x")
    assert working.evicted == ["a"]


def test_the_total_is_a_cap_for_all() -> None:
    census = Census(100, 2)
    first, second, third = (Seat(name) for name in "abc")
    assert census.admit(first, "x")
    assert census.admit(second, None)
    assert census.admit(third, "z")
    assert first.evicted == ["a"]
    census.works(second)
    census.works(third)
    assert not census.admit(Seat("d"), "q")


def test_one_who_left_is_not_counted_again() -> None:
    census = Census(1, 1)
    seat = Seat("a")
    assert census.admit(seat, "x")
    census.leaves(seat)
    census.leaves(seat)
    census.waits(seat)
    census.works(seat)
    assert len(census) == 0
    assert census.admit(Seat("b"), "x")


@given(st.lists(st.tuples(st.sampled_from(["admit", "waits", "works", "leaves"]), st.integers(0, 9)), max_size=60))
def test_no_cap_is_ever_passed(steps: list[tuple[str, int]]) -> None:
    census = Census(3, 5)
    inside: dict[int, Seat] = {}
    for step, number in steps:
        seat = inside.get(number)
        if step == "admit":
            fresh = Seat(str(number))
            if seat is None and census.admit(fresh, f"address {number % 2}"):
                inside[number] = fresh
        elif seat is not None:
            getattr(census, step)(seat)
            if step == "leaves":
                del inside[number]
        inside = {key: seat for key, seat in inside.items() if not seat.evicted}
        assert len(census) == len(inside) <= 5
        assert all(sum(key % 2 == parity for key in inside) <= 3 for parity in (0, 1))
