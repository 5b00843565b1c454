"""Templates: policies with typed parameters, in both languages, each with its cases (`connector/policy/data/templates.json`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from connector.errors import Invalid
from connector.policy import registry
from connector.policy.terms import PROFILE, XSD, absolute, expand
from connector.policy.values import Value, typed

if TYPE_CHECKING:
    from connector.policy.values import Kind

_PLACE = re.compile(r"\$\{(\w+)\}")
_KINDS: dict[str, Kind] = {"dateTime": "dateTime", "duration": "duration", "integer": "number"}
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def names() -> list[str]:
    """Return the names of all templates."""
    return [*registry.read("templates")]


def template(name: str) -> Mapping[str, Any]:
    """Return a template: `title`, `parameters` (type, default, label), `policy`, `cases`.

    Raises:
        Invalid: `template_unknown`.
    """
    found = registry.read("templates").get(name)
    if found is None:
        raise Invalid("template_unknown", field=name, known=", ".join(names()))
    return dict(found)


def make(name: str, given: Mapping[str, str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the policy document of a template and its cases, with the parameters given and defaults for the others.

    Raises:
        Invalid: `template_unknown`, `template_parameter`, `template_value`.
    """
    found = template(name)
    for parameter in given:
        if parameter not in found["parameters"]:
            raise Invalid("template_parameter", field=parameter, known=", ".join(found["parameters"]) or "–")
    values = {
        parameter: _value(parameter, entry["type"], given.get(parameter, entry["default"]))
        for parameter, entry in found["parameters"].items()
    }
    title = [{"@language": language, "@value": text} for language, text in found["title"].items()]
    head = {"@type": "Offer", "dct:title": title, "profile": PROFILE, "odrl:conflict": {"@id": "odrl:prohibit"}}
    firsts = {parameter: value[0] if isinstance(value, list) else value for parameter, value in values.items()}
    return {**head, **_filled(found["policy"], values)}, [_filled(case, firsts) for case in found["cases"]]


def _value(parameter: str, kind: str, text: Any) -> Any:
    """Return a parameter's value as it is written into the policy."""
    if kind == "iris":
        items = [each.strip() for each in text.split(",")] if isinstance(text, str) else text
        return [_value(parameter, "iri", each) for each in items]
    if kind == "iri":
        valid = absolute(expand(text))
    elif kind == "county":
        valid = text in registry.read("areas")["counties"]
    elif kind == "dateTime" and _DAY.fullmatch(text):
        return _midnight(parameter, text)
    else:
        # The numbers of templates say how many or how high: none can be below nought.
        valid = typed(Value(text, XSD + kind), _KINDS[kind]) is not None and not (kind == "integer" and text[0] == "-")
    if not valid:
        raise Invalid("template_value", field=parameter, value=text, kind=kind)
    return text


def _midnight(parameter: str, text: str) -> str:
    """Return the beginning of a day in Sweden (summer time from the last Sunday of March to the last of October)."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Invalid("template_value", field=parameter, value=text, kind="dateTime") from None
    summer = _last_sunday(day.year, 3) < day <= _last_sunday(day.year, 10)
    return f"{text}T00:00:00{'+02:00' if summer else '+01:00'}"


def _last_sunday(year: int, month: int) -> date:
    last = date(year, month, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def _filled(part: Any, values: Mapping[str, Any]) -> Any:
    """Return a part of a template with its parameters filled in; an item that names a list becomes one for each value."""
    if isinstance(part, str):
        whole = _PLACE.fullmatch(part)
        return values[whole[1]] if whole else _PLACE.sub(lambda found: str(values[found[1]]), part)
    if isinstance(part, dict):
        return {_filled(name, values): _filled(value, values) for name, value in part.items()}
    return [each for item in part for each in _items(item, values)]


def _items(item: Any, values: Mapping[str, Any]) -> list[Any]:
    filled = _filled(item, values)
    if isinstance(filled, dict) and isinstance(filled.get("@id"), list):
        return [{"@id": each} for each in filled["@id"]]
    return [filled]
