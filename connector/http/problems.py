"""Errors as answers: problem documents (RFC 9457) for operators and readers of data, DSP error bodies for peers.

The status of an error is a fact of its class (`connector.errors`); this file holds what differs on the wire. Problem
documents speak the reader's language, DSP errors English. Nothing is repeated but what the error itself carries.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from aiohttp import hdrs, web

from connector import ids, texts
from connector.errors import ConnectorError, TooMany, Unavailable, Unreachable
from connector.protocol import versions
from connector.protocol.context import message

PROBLEM: Final = "application/problem+json"
NOBODY: Final = "urn:uuid:00000000-0000-0000-0000-000000000000"
"""The nil UUID (RFC 9562, 5.9) where DSP demands a process identifier and none is known."""

RETRY_SECONDS: Final = 5

_DSP_PATH = re.compile(re.escape(versions.PATH) + r"/(catalog|negotiations|transfers)(?:/|$)")
_DSP_TYPES: Final = {
    "catalog": "CatalogError",
    "negotiations": "ContractNegotiationError",
    "transfers": "TransferError",
}
_HTTP_CODES: Final = {404: "http_path", 405: "http_method", 413: "http_too_large", 417: "http_expectation"}


@dataclass(frozen=True, slots=True)
class Pids:
    """The identifiers of the process an error is about, as far as they are known."""

    provider: str | None = None
    consumer: str | None = None


PIDS: Final = web.RequestKey("pids", Pids)


class HttpError(ConnectorError):
    """An error that aiohttp found: no such path, a method that is not allowed, an expectation nobody meets."""

    def __init__(self, error: web.HTTPException) -> None:
        known = error.status in _HTTP_CODES or error.status >= 500  # noqa: PLR2004 - the classes of HTTP statuses
        super().__init__(_HTTP_CODES.get(error.status, "http_unexpected" if known else "http_malformed"))
        self.kept_status = error.status
        self.allow = error.headers.get(hdrs.ALLOW)


class UnexpectedError(ConnectorError):
    """A fault of ours. The answer names only the line of the log that tells more."""

    def __init__(self, reference: str) -> None:
        super().__init__("http_unexpected", reference=reference)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an error becomes on the wire."""

    status: int
    body: Mapping[str, Any]
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        """Return the answer as aiohttp sends it."""
        return web.Response(
            status=self.status, body=_written(self.body), content_type=self.content_type, headers=self.headers
        )


def status_of(error: ConnectorError) -> int:
    """Return the status of an error, on either listener."""
    return error.kept_status if isinstance(error, HttpError) else error.status


def problem(error: ConnectorError, language: str) -> Answer:
    """Return the problem document of an error: code, title, detail, field and the next step, in `sv` or `en`."""
    status = status_of(error)
    values = _in(language, error.values)
    body: dict[str, Any] = {
        "type": ids.NS + error.code,
        "title": texts.say(f"http_title_{status}", language),
        "status": status,
        "code": error.code,
        "detail": texts.say(error.code, language, "text", **values),
        "next": texts.say(error.code, language, "next", **values),
    }
    if error.field is not None:
        body["field"] = error.field
    return Answer(status, body, PROBLEM, _headers(error, status))


def _in(language: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of an error's sentence; one that is a text comes in both languages, as `rules_sv` and `rules_en`."""
    ending = f"_{language}"
    return {**values, **{name.removesuffix(ending): text for name, text in values.items() if name.endswith(ending)}}


def dsp_error(error: ConnectorError, type_name: str, pids: Pids) -> Answer:
    """Return the DSP error body of an error (Dataspace Protocol 2025-1: Catalog, Negotiation and Transfer error types).

    Args:
        error: what went wrong.
        type_name: `CatalogError`, `ContractNegotiationError` or `TransferError`.
        pids: the process the error is about; the schemas demand both identifiers, so an unknown one is the nil UUID.
    """
    status = 503 if isinstance(error, Unreachable) else status_of(error)
    sentence = texts.say(error.code, "en", "text", **error.values)
    members: dict[str, Any] = {
        "code": error.code,
        "reason": [f"{sentence} ({error.field})" if error.field else sentence],
    }
    if type_name != _DSP_TYPES["catalog"]:
        members |= {"providerPid": pids.provider or NOBODY, "consumerPid": pids.consumer or NOBODY}
    body = message(type_name, **members)
    return Answer(status, body, "application/json", _headers(error, status))


def dsp_type(path: str) -> str | None:
    """Return the type of error body that DSP wants on a path, or None on any other path."""
    match = _DSP_PATH.search(path)
    return None if match is None else _DSP_TYPES[match[1]]


def plain_answer(status: int, code: str, reference: str | None = None) -> web.Response:
    """Return the answer to what never became a request: a problem document in English that ends the connection."""
    values = {} if reference is None else {"reference": reference}
    body = {
        "type": ids.NS + code,
        "title": texts.say(f"http_title_{status}", "en"),
        "status": status,
        "code": code,
        "detail": texts.say(code, "en", **values),
    }
    response = _Nameless(status=status, body=orjson.dumps(body), content_type=PROBLEM)
    response.force_close()
    return response


class _Nameless(web.Response):
    """An answer outside every application, whose signals remove the server's name elsewhere."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall(hdrs.SERVER, None)


def _written(body: Mapping[str, Any]) -> bytes:
    """Write JSON; half characters of a client (lone surrogates), which are not UTF-8, become question marks."""
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        return json.dumps(body, ensure_ascii=False).encode(errors="replace")


def _headers(error: ConnectorError, status: int) -> dict[str, str]:
    headers: dict[str, str] = {}
    if isinstance(error, (TooMany, Unavailable)) or status == 503:  # noqa: PLR2004 - Service Unavailable
        headers[hdrs.RETRY_AFTER] = str(error.values.get("retry_after_seconds", RETRY_SECONDS))
    if status == 401:  # noqa: PLR2004 - Unauthorized
        headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    if isinstance(error, HttpError) and error.allow is not None:
        headers[hdrs.ALLOW] = error.allow
    return headers
