"""What the `filter` of a CatalogRequestMessage asks for: everything, or everything in parts of some size. Nothing else is served.

DSP 2025-1 ("Catalog Request Message") leaves filters to implementations. Eclipse EDC always sends a query, which without
criteria asks for everything, `limit` datasets at a time and the rest through the `Link` header.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connector.errors import BadMessage

_EDC: Final = ("https://w3id.org/edc/v0.0.1/ns/", "edc:")
_NOTHING: Final[Mapping[str, tuple[Any, ...]]] = {
    "@type": ("QuerySpec",),
    "offset": (0, None),
    "sortOrder": ("ASC", None),
    "sortField": (None,),
    "filterExpression": ([], None),
}
"""Members of a query with the values that choose and order nothing: our order is the ascending one."""


def most(asked: Any) -> int | None:
    """Return how many datasets an answer may have, None where the request does not say.

    Raises:
        BadMessage: `filter_unsupported`, with the member that asks for more than everything.
    """
    items = asked if isinstance(asked, list) else [] if asked is None else [asked]
    limits = [_limit(item, f"/filter/{at}" if isinstance(asked, list) else "/filter") for at, item in enumerate(items)]
    return min((limit for limit in limits if limit is not None), default=None)


def _limit(item: Any, place: str) -> int | None:
    if not isinstance(item, dict):
        raise BadMessage("filter_unsupported", field=place)
    query = {_local(name): value for name, value in item.items()}
    if query and "@type" not in query:
        raise BadMessage("filter_unsupported", field=place)
    limit = query.pop("limit", None)
    for name, value in query.items():
        said = _local(value) if name == "@type" else value
        if isinstance(said, bool) or said not in _NOTHING.get(name, ()):
            raise BadMessage("filter_unsupported", field=f"{place}/{name[:64]}")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise BadMessage("filter_unsupported", field=f"{place}/limit")
    return limit


def _local(name: Any) -> Any:
    """Return a term without Eclipse EDC's namespace, however it is written."""
    for prefix in _EDC:
        if isinstance(name, str) and name.startswith(prefix):
            return name[len(prefix) :]
    return name
