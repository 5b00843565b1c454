"""The Swedish and English catalogue of all texts for operators, keyed by code.

One TOML file per room in `sv/` and in `en/`; every code has the same keys in both languages. An error code has `text` (one
sentence) and `next` (what to do); other texts have `text` only. Values stand in braces. This room only looks texts up.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("sv", "en")


@cache
def catalogue(language: str) -> Mapping[str, Mapping[str, str]]:
    """Return every entry of a language, keyed by code.

    Raises:
        ValueError: two files define the same code.
    """
    entries: dict[str, Mapping[str, str]] = {}
    for file in sorted(resources.files(__name__).joinpath(language).iterdir(), key=lambda item: item.name):
        if file.name.endswith(".toml"):
            for code, entry in tomllib.loads(file.read_text(encoding="utf-8")).items():
                if code in entries:
                    message = f"{code} is defined twice in {language}"
                    raise ValueError(message)
                entries[code] = entry
    return entries


def say(code: str, language: str, /, key: str = "text", **values: object) -> str:
    """Return the sentence of a code in `sv` or `en`; an unknown code or missing value shows itself."""
    entry = catalogue(language if language in LANGUAGES else "en").get(code, {})
    template = entry.get(key, code if key == "text" else "")
    return template.format_map(_Shown(values))


def choose(accept_language: str | None, default: str = "sv") -> str:
    """Return the first of our languages that an `Accept-Language` header names, else the default."""
    for part in (accept_language or "").split(","):
        name = part.split(";")[0].strip().lower()[:2]
        if name in LANGUAGES:
            return name
    return default


class _Shown(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"
