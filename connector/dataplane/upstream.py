"""An HTTP API of the operator's as a source: a narrow door, never an open proxy.

What goes up: the base URL with a listed path and listed query parameters, allow-listed headers and the secret header.
What comes down: allow-listed headers and the body of a 200, 204, 206, 304, 412 or 416. An error's body never does:

    upstream's answer                        the peer's answer
    404, 410                                 404 data_unknown
    400, 422                                 400 data_refused
    429                                      429 data_busy, with its Retry-After (1 to 3600 s)
    401, 403, redirects, 5xx, any other      502 data_source
    no answer, broken, too slow              502 data_source
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from connector.dataplane import answers, headers, paths, secret, templates
from connector.dataplane.ports import Content, Read, StreamContent
from connector.dataplane.templates import Template
from connector.errors import BadMessage, Denied, Invalid, Unknown, Unreachable
from connector.net.egress import Reach

if TYPE_CHECKING:
    from connector.net.client import Client

log = logging.getLogger(__name__)

_MAX_QUERY = 4096
_MAX_PARAMETERS = 50


@dataclass(frozen=True, slots=True)
class HttpSource:
    """Gives what an upstream API answers; made by `of`."""

    client: Client
    base: str
    fixed_query: str
    methods: frozenset[str]
    allowed: tuple[Template, ...]
    parameters: frozenset[str]
    secret_name: str | None
    secret_file: Path | None

    @asynccontextmanager
    async def open(self, read: Read) -> AsyncIterator[Content]:
        """Ask the upstream; see `ports.Source`."""
        if read.method not in self.methods:
            raise Denied("data_method", allowed=", ".join(sorted(self.methods)))
        url = self.url(read)
        sent = headers.forwarded(read.headers) | await self._secret()
        try:
            async with self.client.stream(read.method, url, reach=Reach.OPERATOR, headers=sent) as answer:
                _check(answer.status, answer.headers, read)
                yield StreamContent(answer.status, headers.relayed(answer.headers), answer.chunks)
        except Unreachable as error:
            if error.code == "data_source":
                raise
            log.warning("upstream failed: url=%s code=%s", self.base, error.code)
            raise Unreachable("data_source") from None

    def url(self, read: Read) -> str:
        """Return the URL that a read stands for.

        Raises:
            BadMessage: `data_path`, `data_query`.
            Unknown: `data_unknown`: not one of the listed paths.
        """
        parts = paths.segments(read.path)
        if not any(templates.matches(template, parts) for template in self.allowed):
            raise Unknown("data_unknown")
        query = "&".join(filter(None, (self.fixed_query, self._query(read.query))))
        url = self.base.removesuffix("/") + paths.encoded(parts) if parts else self.base
        return f"{url}?{query}" if query else url

    def _query(self, query: str) -> str:
        try:
            pairs = parse_qsl(
                query,
                keep_blank_values=True,
                strict_parsing=bool(query),
                errors="strict",
                max_num_fields=_MAX_PARAMETERS,
            )
        except ValueError:
            raise BadMessage("data_query", allowed=self._listed()) from None
        wrong = any(name not in self.parameters or not value.isprintable() for name, value in pairs)
        if wrong or len(query) > _MAX_QUERY:
            raise BadMessage("data_query", allowed=self._listed())
        return urlencode(pairs)

    def _listed(self) -> str:
        return ", ".join(sorted(self.parameters)) or "-"

    async def _secret(self) -> dict[str, str]:
        if self.secret_name is None or self.secret_file is None:
            return {}
        try:
            return {self.secret_name: await asyncio.to_thread(secret.read, self.secret_file)}
        except Invalid as error:
            log.error("secret header cannot be sent: file=%s code=%s", self.secret_file, error.code)  # noqa: TRY400
            raise Unreachable("data_source") from None


def of(spec: Mapping[str, Any], client: Client) -> HttpSource:
    """Return the source of a checked `http` spec (`specs.check_source`); without paths, the URL itself and nothing else."""
    parts = urlsplit(spec["url"])
    listed = spec.get("paths") or [""]
    header = spec.get("secret_header")
    return HttpSource(
        client=client,
        base=parts._replace(query="").geturl(),
        fixed_query=parts.query,
        methods=frozenset(spec.get("methods", ("GET", "HEAD"))),
        allowed=tuple(map(templates.parse, listed)),
        parameters=frozenset(spec.get("query", ())),
        secret_name=header["name"] if header else None,
        secret_file=Path(header["file"]) if header else None,
    )


def _check(status: int, answered: Mapping[str, str], read: Read) -> None:
    if answers.unasked(status, read):
        raise Unreachable("data_source")
    if status not in answers.PASSED_ON:
        log.info("upstream refused: status=%s", status)
        raise answers.refusal(status, answered) or Unreachable("data_source")
