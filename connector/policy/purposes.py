"""The purposes that a consumer may declare: those of the profile's registry."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from connector.policy.registry import table
from connector.policy.terms import expand

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def _bare() -> Mapping[str, str]:
    """Return the purposes by the last part of their IRI; a name that two share stands for neither."""
    found: dict[str, str] = {}
    for iri in table("purposes"):
        name = iri[max(iri.rfind("#"), iri.rfind("/")) + 1 :]
        found[name] = "" if name in found else iri
    return found


def purpose(text: str) -> str | None:
    """Return the full IRI of a purpose that is named in full, with its prefix, or by its bare name; `None` for any other."""
    iri = expand(text)
    return iri if iri in table("purposes") else _bare().get(text) or None
