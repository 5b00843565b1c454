"""The connector's own source files as trees, for the tests that hold the rules of the house."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@cache
def paths() -> tuple[Path, ...]:
    return tuple(sorted((ROOT / "connector").rglob("*.py")))


@cache
def trees() -> dict[Path, ast.Module]:
    """Return every source file as a tree, keyed by its path from the root of the repository."""
    return {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in paths()}
