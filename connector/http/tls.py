"""The public listener's TLS: our certificate followed as its files change, and clients' certificates taken when they are shown.

A client may show a certificate or not: DID documents and version documents are for anybody. One that is shown must be known, or
lead to an authority that is known, or the handshake ends; whose it is, is judged request by request (`certificate.py`).
The context is chosen anew for every connection, so a new certificate or a new trust needs no restart.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Sequence
from typing import Protocol

from connector.net.tls import Own

log = logging.getLogger(__name__)


class Anchors(Protocol):
    """The certificates and authorities that clients may lead to."""

    @property
    def generation(self) -> int:
        """Counts the changes."""

    def anchors(self) -> Sequence[str]:
        """Return them as PEM."""

    def watch(self, told: Callable[[], None]) -> None:
        """Tell of every change."""


class PublicTls:
    """See the module; `base` is what the listener is started with.

    Args:
        own: our certificate.
        known: whom clients' certificates may lead to.
        authorities: PEM of authorities that the settings name.
        unknown: told that a client's certificate was refused in the handshake.
    """

    def __init__(
        self, own: Own, known: Anchors, authorities: Sequence[str] = (), unknown: Callable[[], None] = lambda: None
    ) -> None:
        self._own = own
        self._known = known
        self._authorities = tuple(authorities)
        self._unknown = unknown
        self._seen = (own.generation, known.generation)
        self._current = self._build()
        self.base = self._build()
        self.base.sni_callback = self._choose
        self.base.sslobject_class = self._watched()
        self._ask()
        known.watch(self._ask)

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _base: ssl.SSLContext) -> None:
        """Give a new connection the context of this moment."""
        self._own.refresh()
        now = (self._own.generation, self._known.generation)
        if now != self._seen:
            self._current, self._seen = self._build(), now
        connection.context = self._current

    def _build(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION  # each connection proves anew whose it is
        context.num_tickets = 0
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        context.verify_mode = ssl.CERT_OPTIONAL
        self._own.load_into(context)
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        if anchors := [*self._known.anchors(), *self._authorities]:
            context.load_verify_locations(cadata="\n".join(anchors))
        return context

    def _ask(self) -> None:
        """Ask clients for a certificate while there is one that we know. OpenSSL takes this from the base, before we choose."""
        asks = bool(self._known.anchors() or self._authorities)
        self.base.verify_mode = ssl.CERT_OPTIONAL if asks else ssl.CERT_NONE

    def _watched(self) -> type[ssl.SSLObject]:
        unknown = self._unknown

        class Watched(ssl.SSLObject):
            """A connection whose refused certificate is told of: a neighbour may have renewed it."""

            def do_handshake(self) -> None:
                try:
                    super().do_handshake()
                except ssl.SSLCertVerificationError as error:
                    log.info("client certificate refused: reason=%s", error.verify_message)
                    unknown()
                    raise

        return Watched
