"""`connector serve`: run an installation until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

from connector.cli.commands import DONE, HOME, MisusedError, Verb
from connector.cli.session import Session
from connector.errors import ConfigError, LocalError


def run(session: Session) -> int:
    """Serve; one line on standard output says when everything is ready."""
    _check_home(session)
    settings, serve = session.settings, session.serve()

    def ready(application: Any) -> None:
        scheme = "https" if settings.admin_tls() else "http"
        told = {
            "state": "ready",
            "public": _url(
                "https" if settings.public_tls() else "http", application.public.host, application.public.port
            ),
            "private": _url(scheme, application.private.host, application.private.port),
        }
        if session.output.as_json:
            session.output.line(told)
        session.output.say("cli_ready", **told)
        session.output.flush()

    _check_ports(session)
    asyncio.run(serve(session.home, session.environ, ready))
    return DONE


def _check_home(session: Session) -> None:
    """Refuse a folder in which nobody has made an installation, before a database is made there."""
    from connector import config  # noqa: PLC0415 - slow, and help has no need of it

    if not any((session.home / each).exists() for each in (config.FILE, "keys")):
        raise MisusedError("cli_home_empty", field="--home", path=str(session.home))


def _check_ports(session: Session) -> None:
    """Say clearly which address cannot be listened on, before anything is started."""
    settings = session.settings
    for setting, host, port in (
        ("public_port", settings.public_host, settings.public_port),
        ("admin_port", settings.admin_host, settings.admin_port),
    ):
        error = _why_not(host.strip("[]"), port)
        if error is not None and error.errno == errno.EADDRINUSE:
            raise LocalError("cli_port_taken", field=setting, host=host, port=port)
        if error is not None:
            raise ConfigError("cli_port_refused", field=setting, host=host, port=port, reason=error.strerror)


def _why_not(host: str, port: int) -> OSError | None:
    """Return why an address cannot be listened on, or None."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        return error
    return None


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


VERBS = (Verb("", run, (HOME,), client=False),)
