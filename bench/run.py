"""`python -m bench.run [--only NAME] [--quick] [--write]`: measure, print a table; `--write` renews the page's figures."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import catalog, download, evidence, journal, machine, negotiation, page, policy, reads, start, toolkit
from bench.figures import Figure, table
from bench.scale import QUICK, WHOLE, Scale

Benchmark = Callable[[Path, Scale], list[Figure]]
BENCHMARKS: Mapping[str, Benchmark] = {
    "negotiation": negotiation.negotiation,
    "latency": negotiation.latency,
    "additions": negotiation.additions,
    "reads": reads.reads,
    "download": download.download,
    "start": start.start,
    "catalog": catalog.catalog,
    "policy": policy.policy,
    "toolkit": toolkit.toolkit,
    "evidence": evidence.evidence,
    "journal": journal.cost,
    "verify": journal.verify,
    "cost": negotiation.cost,
}


def main() -> int:
    """Measure what was asked for and return 0, also when a goal is missed: figures of a shared machine judge nobody."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--only", choices=BENCHMARKS, action="append", help="measure this one (may be repeated)")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds")
    parser.add_argument("--write", action="store_true", help=f"renew the figures of {page.PAGE} (all of them)")
    asked = parser.parse_args()
    if asked.write and asked.only:
        parser.error("--write needs every figure: leave --only out")
    found = list[Figure]()
    for name in asked.only or BENCHMARKS:
        print(f"Measuring: {name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as folder:
            found += BENCHMARKS[name](Path(folder) / name, QUICK if asked.quick else WHOLE)
    print("\n".join([f"Measured on: {machine.facts()}.", *table(found)]))
    if asked.write:
        page.write(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
