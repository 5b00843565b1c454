"""Path templates of an HTTP source, such as `/v1/wells/{id}`: literal segments and one-segment variables (pure)."""

from __future__ import annotations

import re

from connector.dataplane import paths
from connector.errors import BadMessage, Invalid

_VARIABLE = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")

Template = tuple[str | None, ...]
"""Decoded literal segments; nothing stands for a variable."""


def parse(text: str) -> Template:
    """Return the segments of a template; `""` and `/` stand for the base URL itself.

    Raises:
        Invalid: `source_path`.
    """
    parts = text.removeprefix("/").split("/") if text not in ("", "/") else []
    try:
        return tuple(None if _VARIABLE.fullmatch(part) else _literal(part) for part in parts)
    except BadMessage:
        raise Invalid("source_path", field="paths", path=text) from None


def matches(template: Template, parts: tuple[str, ...]) -> bool:
    """Tell whether decoded segments are of this template; a variable stands for exactly one segment."""
    return len(template) == len(parts) and all(
        want is None or want == part for want, part in zip(template, parts, strict=True)
    )


def _literal(part: str) -> str:
    decoded = paths.segments(part)
    if len(decoded) != 1 or "{" in part or "}" in part:
        raise BadMessage("data_path")
    return decoded[0]
