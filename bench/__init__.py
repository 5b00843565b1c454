"""Benchmarks: every figure of docs/reference/performance.md, as ratios measured in one run. The product imports none of it."""
