"""The access log: one line a request, without query, headers or anything that a client could hide a secret in."""

from __future__ import annotations

import logging
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

PATH_CHARACTERS: Final = 256
REQUEST_ID: Final = web.RequestKey("request_id", str)


class AccessLog(AbstractAccessLogger):
    """Writes `method path status bytes seconds remote id` as key=value at level info."""

    @property
    def enabled(self) -> bool:
        """Tell whether anybody reads this log."""
        return self.logger.isEnabledFor(logging.INFO)

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Write the line. The path stays encoded, so it cannot break out of its line."""
        self.logger.info(
            "request: method=%s path=%s status=%d bytes=%d seconds=%.4f remote=%s id=%s",
            request.method[:16],
            repr(request.rel_url.raw_path[:PATH_CHARACTERS])[1:-1],
            response.status,
            response.body_length,
            time,
            request.remote,
            request.get(REQUEST_ID, "-"),
        )
