"""One endpoint of the management API: what it takes and gives follows from the signature of the function that serves it.

Such a function has the request as its first parameter (`Ask`), and may have `body` (a model of `resources.Request`) and
`query` (a model of `resources.Query`). The route table made of them is what is served and what the OpenAPI document says.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn, TypeVar, get_type_hints

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from connector.errors import Invalid
from connector.http.management_requests import Paging, Query, Request
from connector.http.resources import Items
from connector.services.house import House

M = TypeVar("M", Request, Query)
_TYPES = {
    "string_type": "text",
    "int_type": "integer",
    "int_parsing": "integer",
    "int_from_float": "integer",
    "bool_type": "boolean",
    "list_type": "list",
    "dict_type": "object",
    "model_type": "object",
    "model_attributes_type": "object",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """A request by an operator, who is known and allowed to make it.

    Attributes:
        by: the operator's name. scope: what its token allows.
        language: `sv` or `en`.
        path: the parameters in the path, decoded.
    """

    house: House
    by: str
    scope: str
    language: str
    path: Mapping[str, str]
    http: web.Request = field(repr=False)

    @property
    def participant(self) -> str:
        """Which of our participants it concerns."""
        return self.path["participant"]

    def most(self, query: Paging) -> int:
        """Return how many items a part of a list may have."""
        return query.limit or self.house.page_size


@dataclass(frozen=True)
class Route:
    """An endpoint.

    Attributes:
        method: GET, POST or DELETE.
        path: its template; `{participant}` is a percent-encoded DID.
        scope: what the operator's token must allow.
        call: serves it; what it returns is what the service gave.
        show: makes the resource of what the service gave; its return type is the answer's.
        status: of a good answer.
    """

    method: str
    path: str
    scope: str
    call: Callable[..., Awaitable[Any]]
    show: Callable[..., Any]
    status: int = 200
    many: bool = False

    @cached_property
    def hints(self) -> Mapping[str, Any]:
        """The types of the function's parameters."""
        return get_type_hints(self.call)

    @property
    def body(self) -> type[Request] | None:
        """The model of the body."""
        return self.hints.get("body")

    @property
    def query(self) -> type[Query] | None:
        """The model of the query parameters."""
        return self.hints.get("query")

    @property
    def summary(self) -> str:
        """One sentence: the first line of the function's docstring."""
        return (inspect.getdoc(self.call) or "").partition("\n")[0]

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters in the path."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))

    @cached_property
    def answer(self) -> TypeAdapter[Any]:
        """The type of a good answer."""
        shown = get_type_hints(self.show)["return"]
        return TypeAdapter(Items[shown] if self.many else shown)  # type: ignore[valid-type]

    @property
    def _speaks(self) -> bool:
        """Whether the answer is written in the reader's language."""
        return "language" in inspect.signature(self.show).parameters

    def write(self, result: Any, language: str) -> bytes:
        """Return the answer's JSON."""
        told = {"language": language} if self._speaks else {}
        if not self.many:
            return self.answer.dump_json(self.show(result, **told))
        rows, following = result
        return self.answer.dump_json(Items(items=[self.show(row, **told) for row in rows], next=following))


def read(model: type[M], value: Any, place: str) -> M:
    """Return a model of what was sent; `place` stands before the name of the member in an error.

    Raises:
        Invalid: `request_missing`, `request_unknown`, `request_type`, `request_value`, with the place in `field`.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        _refuse(first["type"], place + _pointer(value, first["loc"]), first.get("ctx", {}))


def _pointer(value: Any, location: tuple[int | str, ...]) -> str:
    """Return a location as a JSON pointer (RFC 6901) without the slash before it and without pydantic's names of branches."""
    parts: list[str] = []
    for part in location:
        if isinstance(value, list) and isinstance(part, int):
            value = value[part]
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            break
        parts.append(str(part).replace("~", "~0").replace("/", "~1")[:64])
    return "/".join(parts)


def _refuse(kind: str, member: str, context: Mapping[str, Any]) -> NoReturn:
    if kind == "missing":
        raise Invalid("request_missing", field=member, member=member)
    if kind == "extra_forbidden":
        raise Invalid("request_unknown", field=member, member=member)
    if kind in _TYPES:
        raise Invalid("request_type", field=member, member=member, wanted=_TYPES[kind])
    allowed = ", ".join(f"{name} {value}" for name, value in context.items() if isinstance(value, str | int))
    raise Invalid("request_value", field=member, member=member, allowed=allowed or "-")
