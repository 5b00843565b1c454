"""One tree of errors: who is at fault decides the branch, a stable code names the case.

ConnectorError
    LocalError                      our own bug, or an operator's request or files
        ConfigError                 the installation: files, ports, keys (exit code 2 at start)
        Invalid                     400  a request that is malformed or illegal
            WrongState              409  legal elsewhere, not in the present state
        Unauthorized                401  no or a wrong operator token
        Forbidden                   403  the operator's scope does not allow it
        Missing                     404  no such resource
    PeerError                       what a peer sent or did; answered to the peer
        BadMessage                  400  not understood, not legal, not consistent
        Unauthenticated             401  the peer did not prove who it is
        Denied                      403  known, but not permitted (data plane only)
        Unknown                     404  no such process, dataset or path for this peer
        TooSlow                 408  a message did not arrive in time; it may be sent again
        TooLarge                    413
        TooMany                     429  a limit per peer was reached (field `retry_after_seconds`)
    Unavailable                     503  the store cannot commit now; nothing was acknowledged
    Unreachable                     a peer, or a source of ours, could not be reached or gave no usable answer

The sentence and the next step for a code are in `connector/texts/` (Swedish and English). Values are kept in fields,
so no caller ever parses a message.
"""

from __future__ import annotations

from typing import ClassVar

Value = str | int | float | bool | None


class ConnectorError(Exception):
    """An error with a stable code, the field it speaks of, and the values its sentence needs.

    Args:
        code: a key of the texts catalogue, such as `token_expired`.
        field: the JSON pointer, header or option the error is about, if there is one.
        values: what the sentence names; never a secret, never a peer's claims.
    """

    status: ClassVar[int] = 500

    def __init__(self, code: str, *, field: str | None = None, **values: Value) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.values = values

    def __str__(self) -> str:
        details = ", ".join(f"{name}={value}" for name, value in self.values.items())
        where = f" at {self.field}" if self.field else ""
        return f"{self.code}{where}" + (f" ({details})" if details else "")


class LocalError(ConnectorError):
    """Our own fault, or an operator's."""


class ConfigError(LocalError):
    """The installation cannot start as it is configured."""


class Invalid(LocalError):
    """An operator's request is malformed or illegal."""

    status = 400


class WrongState(Invalid):
    """The request is legal in another state of the resource."""

    status = 409


class Unauthorized(LocalError):
    """No operator token, or one we do not know."""

    status = 401


class Forbidden(LocalError):
    """The operator's scope does not allow this."""

    status = 403


class Missing(LocalError):
    """The operator named a resource that does not exist for this participant."""

    status = 404


class PeerError(ConnectorError):
    """What a peer sent or did."""

    status = 400


class BadMessage(PeerError):
    """A message that is not understood, not legal here, or not consistent."""


class Unauthenticated(PeerError):
    """The peer did not prove who it is."""

    status = 401


class Denied(PeerError):
    """The peer is known and not permitted to read this (data plane)."""

    status = 403


class Unknown(PeerError):
    """Nothing by that name exists for this peer."""

    status = 404


class TooLarge(PeerError):
    """A body, header or token over its limit."""

    status = 413


class TooSlow(PeerError):
    """A message did not arrive in time; the peer may send it again."""

    status = 408


class TooMany(PeerError):
    """A limit per peer was reached; `values["retry_after_seconds"]` says when to try again."""

    status = 429


class Unavailable(ConnectorError):
    """The store cannot commit now: nothing was acknowledged and nothing changed."""

    status = 503


class Unreachable(ConnectorError):
    """A peer could not be reached, or its answer could not be used.

    `values["status"]` holds the peer's HTTP status where there was one.
    """

    status = 502
