"""Every sentence for a person exists in Swedish and in English, with the same values in it."""

from __future__ import annotations

import ast
import string
from collections import defaultdict
from functools import cache

import pytest

from connector import errors, texts
from connector.errors import ConnectorError
from tests import sources


def _placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def _kinds(kind: type[ConnectorError]) -> set[str]:
    return {kind.__name__}.union(*map(_kinds, kind.__subclasses__()))


def _strings(node: ast.expr) -> list[str]:
    """Return the codes that an expression can be: a text, or the branches of a condition."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*_strings(node.body), *_strings(node.orelse)]
    return []


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


@cache
def _raised() -> dict[str, list[tuple[str, set[str] | None]]]:
    """Return, for every error code in the code, where it is made and the values it gets (None: not known here)."""
    made: dict[str, list[tuple[str, set[str] | None]]] = defaultdict(list)
    kinds = _kinds(ConnectorError) | {node for tree in sources.trees().values() for node in _own_kinds(tree)}
    for path, tree in sources.trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node) in kinds and node.args:
                values = {keyword.arg for keyword in node.keywords}
                known = None if None in values else {name for name in values if name}
                for code in _strings(node.args[0]):
                    made[code].append((f"{path}:{node.lineno}", known))
    return made


def _own_kinds(tree: ast.Module) -> set[str]:
    """Return the error classes that a file makes of the tree's."""
    known = {name for name in dir(errors) if name[0].isupper()}
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any(getattr(base, "id", "") in known for base in node.bases)
    }


def _said() -> dict[str, list[str]]:
    """Return every code that the code asks a sentence for by its name, and where."""
    asked: dict[str, list[str]] = defaultdict(list)
    for path, tree in sources.trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node) == "say" and node.args:
                for code in _strings(node.args[0]):
                    asked[code].append(f"{path}:{node.lineno}")
    return asked


def test_both_languages_have_the_same_codes() -> None:
    assert set(texts.catalogue("sv")) ^ set(texts.catalogue("en")) == set()


def test_a_code_has_the_same_keys_in_both_languages() -> None:
    swedish, english = texts.catalogue("sv"), texts.catalogue("en")
    assert [code for code in swedish if set(swedish[code]) != set(english.get(code, {}))] == []


def test_a_sentence_names_the_same_values_in_both_languages() -> None:
    swedish, english = texts.catalogue("sv"), texts.catalogue("en")
    different = [
        f"{code}.{key}"
        for code, entry in swedish.items()
        for key, template in entry.items()
        if _placeholders(template) != _placeholders(english.get(code, {}).get(key, ""))
    ]
    assert different == []


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_no_sentence_is_empty_or_left_unfinished(language: str) -> None:
    unfinished = [
        f"{code}.{key}"
        for code, entry in texts.catalogue(language).items()
        for key, template in entry.items()
        if not template.strip() or template != template.strip() or "TODO" in template or key not in {"text", "next"}
    ]
    assert unfinished == []


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_error_has_a_sentence_and_a_next_step(language: str) -> None:
    catalogue = texts.catalogue(language)
    missing = [
        f"{places[0][0]} {code}"
        for code, places in _raised().items()
        if not {"text", "next"} <= set(catalogue.get(code, {}))
    ]
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_sentence_can_be_said(language: str) -> None:
    for code, entry in texts.catalogue(language).items():
        for key, template in entry.items():
            assert all(name.isidentifier() for name in _placeholders(template)), f"{code}.{key}"
            assert texts.say(code, language, key)


def test_every_value_in_an_errors_sentence_is_given_by_the_error() -> None:
    catalogue = texts.catalogue("en")
    without = [
        f"{where} {code}: {sorted(missing)}"
        for code, places in _raised().items()
        for where, given in places
        if given is not None
        if (missing := set().union(*map(_placeholders, catalogue.get(code, {}).values())) - given)
    ]
    assert not without, "\n".join(without)


def test_every_sentence_asked_for_exists() -> None:
    catalogue = texts.catalogue("sv")
    assert {code: places for code, places in _said().items() if "text" not in catalogue.get(code, {})} == {}


def test_every_sentence_is_used() -> None:
    nodes = [node for tree in sources.trees().values() for node in ast.walk(tree)]
    named = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    prefixes = tuple(
        first.value
        for node in nodes
        if isinstance(node, ast.JoinedStr) and node.values and isinstance(first := node.values[0], ast.Constant)
        if isinstance(first.value, str) and first.value.rstrip("_") != first.value
    )
    assert [code for code in texts.catalogue("sv") if code not in named and not code.startswith(prefixes)] == []


def test_a_sentence_is_said_in_the_language_asked_for() -> None:
    assert texts.say("json_too_deep", "sv", limit=64) == "Meddelandet är nästlat djupare än 64 nivåer."
    assert texts.say("json_too_deep", "en", "next") == "Send a flatter message."
    assert texts.say("json_not_object", "xx") == texts.say("json_not_object", "en")


def test_what_is_missing_shows_itself() -> None:
    assert texts.say("no_such_code", "sv") == "no_such_code"
    assert texts.say("no_such_code", "sv", "next") == ""
    assert texts.say("json_too_deep", "en") == "The message is nested deeper than {limit} levels."


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "sv"),
        ("", "sv"),
        ("en-GB,en;q=0.9", "en"),
        ("de, en;q=0.5, sv;q=0.1", "en"),
        ("sv-SE", "sv"),
        ("de", "sv"),
    ],
)
def test_the_first_language_of_ours_is_chosen(header: str | None, language: str) -> None:
    assert texts.choose(header) == language
