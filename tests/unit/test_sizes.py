"""A function fits on a screen and a file can be read at a sitting."""

from __future__ import annotations

import ast
import statistics

from tests import sources

FUNCTION_LINES = 50
MEDIAN_LINES = 12
FILE_LINES = 400


def _functions() -> dict[str, int]:
    return {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path, tree in sources.trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_no_function_is_longer_than_a_screen() -> None:
    assert {where: lines for where, lines in _functions().items() if lines > FUNCTION_LINES} == {}


def test_most_functions_are_short() -> None:
    assert statistics.median(_functions().values()) <= MEDIAN_LINES


def test_no_file_is_longer_than_its_limit() -> None:
    lengths = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources.paths()}
    assert {path: lines for path, lines in lengths.items() if lines > FILE_LINES} == {}


def test_every_package_says_what_it_owns() -> None:
    silent = [
        str(path)
        for path, tree in sources.trees().items()
        if path.name == "__init__.py" and "versions" not in path.parts and not ast.get_docstring(tree)
    ]
    assert silent == []
