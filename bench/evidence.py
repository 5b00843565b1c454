"""What it costs to make and to verify a contract's bundle."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from bench.figures import Figure, median
from bench.scale import Scale
from connector.evidence import compose
from connector.evidence.verify import holds, verify
from tests.unit.evidence.bundles import PAIRS, Case

_SHARE = 25
"""A bundle costs about as much as so many decisions on a policy, by which the scale counts."""


def evidence(folder: Path, scale: Scale) -> list[Figure]:
    """Measure a two-sided contract of five messages: making its bundle with the page and the seal, and verifying it."""
    del folder
    case = Case()
    material, signer = case.material(), PAIRS[case.made_by]
    packed = compose.compose(material, signer)
    assert holds(verify(packed))
    count = max(scale.evaluations // _SHARE, 1)
    note = f"two-sided, 5 messages, {len(packed):,} bytes; the page is made anew and compared"
    verifying = _seconds(lambda: verify(packed), count, scale)
    making = _seconds(lambda: compose.compose(material, signer), count, scale)
    return [
        Figure("Evidence: bundles verified", 1 / verifying, "a second of CPU", None, note),
        Figure("Evidence: verify a bundle", verifying * 1e3, "ms CPU", None, note),
        Figure("Evidence: make a bundle of what the store holds", making * 1e3, "ms CPU", None, "the same contract"),
    ]


def _seconds(work: Callable[[], object], count: int, scale: Scale) -> float:
    found = list[float]()
    for _ in range(scale.rounds):
        before = time.thread_time()
        for _ in range(count):
            work()
        found.append((time.thread_time() - before) / count)
    return median(found)
