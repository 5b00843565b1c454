"""Many seeds of every kind: whatever happens on the way, two of ours agree in the end, and nothing else stays silent.

`python -m tests.simulation --seeds N` runs more of them; a failing seed is told with its whole dialogue.
"""

from __future__ import annotations

import pytest

from tests.simulation import kinds
from tests.simulation.__main__ import Databases
from tests.simulation.memory import Memory

pytestmark = pytest.mark.slow
SEEDS, BLOCK = 3000, 500
ON_SQLITE = 12
FOUND = {"negotiation-plain-provider": (7689, 8730, 36802, 44850)}
"""Seeds that found a fault in the rules, which was corrected (docs/explanation/convergence.md)."""


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
@pytest.mark.parametrize("kind", kinds.KINDS)
def test_i5_every_seed_converges_or_is_marked(kind: str, first: int) -> None:
    failed = [seed for seed in range(first, first + BLOCK) if kinds.run(kind, seed).faults]
    if failed:
        outcome = kinds.run(kind, failed[0], trace=True)
        told = "\n".join([*outcome.lines, *outcome.faults])
        pytest.fail(f"{kind}: {len(failed)} seeds failed, the first is {failed[0]}\n{told}", pytrace=False)


@pytest.mark.parametrize(("kind", "seed"), [(kind, seed) for kind, seeds in FOUND.items() for seed in seeds])
def test_a_seed_that_found_a_fault_passes(kind: str, seed: int) -> None:
    assert kinds.run(kind, seed).faults == []


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_the_tables_and_their_stand_in_have_the_same_histories(
    kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    databases = Databases("sqlite", str(tmp_path_factory.mktemp("simulation")))
    try:
        for seed in range(ON_SQLITE):
            real, stand_in = kinds.run(kind, seed, databases, trace=True), kinds.run(kind, seed, Memory, trace=True)
            assert real.lines == stand_in.lines
            assert real.history == stand_in.history
            assert real.faults == []
    finally:
        databases.close()


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_a_seed_is_the_same_every_time(kind: str) -> None:
    first, second = (kinds.run(kind, 7, trace=True) for _ in range(2))
    assert first.lines == second.lines
