"""One keeper per duty: what may be called, and imported, in one file only (architecture, "Doors with one keeper each")."""

from __future__ import annotations

import ast
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests import sources

if TYPE_CHECKING:
    from collections.abc import Iterator

# What is behind the door: a dotted name, or all names with a prefix ("json.load*"), and the files and folders that may use it.
DOORS = {
    "aiohttp.ClientSession": {"connector/net/client.py"},
    "aiohttp.request": set(),
    "urllib.request*": {"connector/cli/api.py"},
    "http.client*": {"connector/cli/api.py"},
    "asyncio.open_connection": set(),
    "socket.create_connection": set(),
    "json.load*": {"connector/loader.py", "connector/cli/api.py"},  # cli/api.py reads our own listener
    "orjson.loads": {"connector/store/", "connector/services/permission.py"},  # each reads back what it wrote itself
    "*.model_validate_json": set(),
    "*.json()": set(),  # aiohttp's own JSON readers know no limits
    "jwt.decode*": {"connector/identity/tokens.py"},
    "jwt.get_unverified_header": {"connector/identity/tokens.py"},
    "print": {"connector/cli/output.py"},
    "sys.stdout*": {"connector/cli/output.py"},
    "sys.stderr*": {"connector/cli/output.py"},
    "time.time*": {"connector/clock.py"},
    "time.monotonic*": {"connector/clock.py"},
    "time.perf_counter*": {"connector/clock.py"},
    "datetime.datetime.now": {"connector/clock.py"},
    "datetime.datetime.utcnow": set(),
    "datetime.datetime.today": set(),
    "datetime.date.today": set(),
    "uuid.uuid*": {"connector/ids.py"},
    "secrets.token*": {"connector/ids.py", "connector/identity/keyfile.py"},  # identifiers, and keys
    "secrets.rand*": {"connector/ids.py"},
    "random*": {"connector/app.py"},  # hands chance down, for the jitter of retries
    "os.urandom": {"connector/ids.py"},
    "os.environ*": {"connector/app.py", "connector/cli/main.py"},
    "os.getenv": set(),
    "os.system": set(),
    "os.popen": set(),
    "os.exec*": set(),
    "subprocess*": set(),
    "pickle*": set(),
    "marshal*": set(),
    "shelve*": set(),
    "yaml*": set(),
    "eval": set(),
    "exec": set(),
    "compile": set(),
    "__import__": set(),
}


# What import-linter keeps from I/O (pyproject.toml) could still draw chance or open a file with what it may import.
PURE = (
    "connector/protocol/",
    "connector/policy/",
    "connector/evidence/",
    "connector/services/decide.py",
    "connector/net/backoff.py",
)
IMPURE = ("connector.ids.new", "connector.ids.secret", "uuid", "open", "pathlib", "os", "datetime.datetime.now")


def _names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield every dotted name that a file uses, spelled from the module it was imported from."""
    imported = dict(_imports(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((node.lineno, full) for full in dict(_imported(node)).values())
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not (node.args or node.keywords):
            yield node.lineno, f"*.{node.func.attr}()"
        elif isinstance(node, ast.Attribute):
            yield node.lineno, f"*.{node.attr}"
            if (dotted := _dotted(node)) and dotted.partition(".")[0] in imported:
                first, _, rest = dotted.partition(".")
                yield node.lineno, f"{imported[first]}.{rest}"
        elif isinstance(node, ast.Name):
            yield node.lineno, imported.get(node.id, node.id)


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imported(node)


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield alias.asname or alias.name, f"{node.module}.{alias.name}"
        elif alias.asname:
            yield alias.asname, alias.name
        else:
            yield alias.name.partition(".")[0], alias.name.partition(".")[0]


def _dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return None


def _behind(name: str, door: str) -> bool:
    if not door.endswith("*"):
        return name == door
    stem = door[:-1]
    return name.startswith(stem) if "." in stem else name == stem or name.startswith(f"{stem}.")


@cache
def _used() -> dict[str, list[tuple[int, str]]]:
    return {path.as_posix(): list(_names(tree)) for path, tree in sources.trees().items()}


@pytest.mark.parametrize("door", DOORS)
def test_a_door_has_one_keeper(door: str) -> None:
    users = {
        f"{path}:{line}"
        for path, names in _used().items()
        if not path.startswith(tuple(DOORS[door]))
        for line, name in names
        if _behind(name, door)
    }
    assert users == set()


def test_the_pure_rooms_take_chance_and_files_as_arguments() -> None:
    impure = {
        f"{path}:{line} {name}"
        for path, names in _used().items()
        if path.startswith(PURE)
        for line, name in names
        if name.startswith(tuple(f"{each}." for each in IMPURE)) or name in IMPURE
    }
    assert impure == set()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import aiohttp\naiohttp.ClientSession()", "aiohttp.ClientSession"),
        ("from aiohttp import ClientSession as Session\nSession()", "aiohttp.ClientSession"),
        ("import json as j\nj.loads('')", "json.loads"),
        ("from datetime import datetime\ndatetime.now()", "datetime.datetime.now"),
        ("import urllib.request", "urllib"),
        ("from time import time\ntime()", "time.time"),
        ("async def f(r): await r.json()", "*.json()"),
        ("print(1)", "print"),
    ],
)
def test_a_name_is_found_however_it_was_imported(code: str, name: str) -> None:
    assert name in {found for _, found in _names(ast.parse(code))}
