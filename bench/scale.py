"""How much is measured: whole, or a quick look."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Scale:
    """Counts of one run.

    Attributes:
        rounds: interleaved rounds of each comparison.
        negotiations: in a round. latencies: measured one after the other.
        reads: data requests in a round. download_bytes: size of the large file. downloads: rounds of it.
        starts: of the program. datasets: in the deep catalogue. pages: asked for in a round.
        evaluations: of a policy in a round. records: of the journal that is checked.
    """

    rounds: int = 7
    negotiations: int = 256
    latencies: int = 300
    reads: int = 4000
    download_bytes: int = 2 * GIB
    downloads: int = 5
    starts: int = 7
    datasets: int = 100_100
    pages: int = 40
    evaluations: int = 5000
    records: int = 1_000_000


WHOLE = Scale()
QUICK = Scale(
    rounds=3, negotiations=96, latencies=60, reads=1500, download_bytes=GIB // 2, downloads=3, starts=3, pages=15,
    evaluations=1500, records=100_000,
)  # fmt: skip
