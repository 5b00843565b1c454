"""Every clause of the rules is missed when it is taken away: a rule that no seed needs would not be known to work."""

from __future__ import annotations

from functools import cache

import pytest

from tests import sources
from tests.simulation import kinds
from tests.simulation.clauses import CLAUSES
from tests.simulation.known import SEEDS as KNOWN

pytestmark = pytest.mark.slow
SEEDS, COUNTED = 1000, 600
_NOTICED = [name for name, clause in CLAUSES.items() if clause.measure == "faults"]
_COUNTED = [name for name, clause in CLAUSES.items() if clause.measure == "marks"]


def _noticed(name: str) -> tuple[str, int] | None:
    """Return the first seed that fails without a clause: one of those known to, else any of the usual ones."""
    clause = CLAUSES[name]
    known = [(kind, seed) for kind, seeds in KNOWN.get(name, {}).items() for seed in seeds]
    usual = ((kind, seed) for seed in range(SEEDS) for kind in clause.kinds)
    with clause.removed():
        return next((pair for pairs in (known, usual) for pair in pairs if kinds.run(*pair).faults), None)


@pytest.mark.parametrize("name", _NOTICED)
def test_without_a_clause_a_seed_fails_that_passes_with_it(name: str) -> None:
    found = _noticed(name)
    assert found is not None, f"nothing misses the clause {CLAUSES[name].says!r}"
    assert kinds.run(*found).faults == []


@pytest.mark.parametrize("name", _NOTICED)
def test_the_seeds_that_once_failed_pass(name: str) -> None:
    failing = {
        (kind, seed): outcome.faults
        for kind, seeds in KNOWN.get(name, {}).items()
        for seed in seeds
        if (outcome := kinds.run(kind, seed)).faults
    }
    assert failing == {}


@cache
def _unsettled(kind: str) -> int:
    return sum(kinds.run(kind, seed).marks for seed in range(COUNTED))


@pytest.mark.parametrize("name", _COUNTED)
def test_without_a_clause_more_stays_unsettled_with_other_peers(name: str) -> None:
    clause = CLAUSES[name]
    with_it = sum(_unsettled(kind) for kind in clause.kinds)
    with clause.removed():
        without = sum(_unsettled.__wrapped__(kind) for kind in clause.kinds)
    assert without > with_it * 1.05


def test_every_clause_is_explained() -> None:
    page = (sources.ROOT / "docs/explanation/convergence.md").read_text(encoding="utf-8")
    assert [clause.says for clause in CLAUSES.values() if f"| {clause.rule} | {clause.says} |" not in page] == []
