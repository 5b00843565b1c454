"""`connector serve`: run an installation until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

from connector.cli.commands import DONE, HOME, Verb
from connector.cli.session import Session
from connector.errors import ConfigError, LocalError


def run(session: Session) -> int:
    """Serve; one line on standard output says when everything is ready."""
    settings, serve = session.settings, session.serve()

    def ready(application: Any) -> None:
        scheme = "https" if settings.admin_tls() else "http"
        told = {
            "state": "ready",
            "public": _url("http", application.public.host, application.public.port),
            "private": _url(scheme, application.private.host, application.private.port),
        }
        if session.output.as_json:
            session.output.value(told)
        session.output.say("cli_ready", **told)
        session.output.flush()

    try:
        asyncio.run(serve(session.home, session.environ, ready))
    except OSError as error:
        _explain(session, error)
        raise
    return DONE


def _explain(session: Session, error: OSError) -> None:
    """Raise LocalError for an address that cannot be listened on; return for any other fault."""
    settings = session.settings
    for setting, host, port in (
        ("public_port", settings.public_host, settings.public_port),
        ("admin_port", settings.admin_host, settings.admin_port),
    ):
        reason = _why_not(host.strip("[]"), port)
        if reason == errno.EADDRINUSE:
            raise LocalError("cli_port_taken", field=setting, host=host, port=port) from None
        if reason is not None:
            why = error.strerror or str(error)
            raise ConfigError("cli_port_refused", field=setting, host=host, port=port, reason=why) from None


def _why_not(host: str, port: int) -> int | None:
    """Return the number of the error that listening on an address gives, or None."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        return error.errno
    return None


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


VERBS = (Verb("", run, (HOME,), client=False),)
