"""What the other side's certificate must be when we call, and the long-lived contexts that see to it.

Three ways of trusting (`Expected`): the system's authorities and those of the settings, a pinned key, or an authority with a
name. Whatever the way, the certificate has been judged when the handshake ends, before a byte of the request leaves.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from connector.net import certificates

_EXPIRED = frozenset({9, 10})
_NAME = frozenset({62, 64})
_REFUSES_OURS = ("ALERT_UNKNOWN_CA", "ALERT_BAD_CERTIFICATE", "CERTIFICATE_EXPIRED", "CERTIFICATE_REQUIRED",
                 "CERTIFICATE_UNKNOWN", "UNSUPPORTED_CERTIFICATE", "ALERT_ACCESS_DENIED")  # fmt: skip
_OLD = ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "WRONG_VERSION_NUMBER")


class Own(Protocol):
    """Our certificate with its key, which others may replace while we run."""

    @property
    def generation(self) -> int:
        """Counts the pairs that have been taken."""

    def refresh(self) -> None:
        """Take a new pair if there is a good one."""

    def load_into(self, context: ssl.SSLContext) -> None:
        """Let a context show the pair."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the other side's certificate must be. Equal values share one context and one pool of connections.

    Attributes:
        keys: fingerprints of keys (`certificates.spki`), one of which it must have; authorities and names do not count then.
        authorities: PEM of the only authorities to believe; none for the system's and those of the settings.
        name: the name that it must be for, in place of the URL's host.
        show: whether we show our own certificate when asked.
    """

    keys: frozenset[str] = frozenset()
    authorities: tuple[str, ...] = ()
    name: str | None = None
    show: bool = False

    @property
    def strict(self) -> bool:
        """Whether a person chose what the certificate must be; then nothing goes without TLS."""
        return bool(self.keys or self.authorities)


ANYBODY = Expected()


class WrongCertificateError(ssl.SSLCertVerificationError):
    """A certificate that is not what was expected; `code` is a key of the texts catalogue."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Contexts:
    """The contexts of our calls, one for each `Expected`, for as long as the process runs.

    Args:
        now: the clock that pinned certificates are judged by; authorities' are judged by the system's.
        own: the certificate that we show.
        authorities: PEM of authorities to believe besides the system's.
        renewed: told of a certificate that a pinned key's owner shows (fingerprint, DER).
    """

    def __init__(
        self, now: Callable[[], float], *, own: Own | None = None, authorities: Sequence[str] = (),
        renewed: Callable[[str, bytes], None] = lambda _key, _der: None,
    ) -> None:  # fmt: skip
        self._now = now
        self._own = own
        self._authorities = tuple(authorities)
        self._renewed = renewed
        self._made: dict[Expected, tuple[int, ssl.SSLContext]] = {}

    def of(self, expected: Expected) -> ssl.SSLContext:
        """Return the context of what is expected, made once; a new pair of ours is shown by the next connection."""
        shows = self._own is not None and expected.show
        if shows and self._own is not None:
            self._own.refresh()
        generation = self._own.generation if shows and self._own is not None else 0
        known = self._made.get(expected)
        if known is not None and known[0] == generation:
            return known[1]
        context = self._make(expected) if known is None else known[1]
        if shows and self._own is not None:
            self._own.load_into(context)
        self._made[expected] = (generation, context)
        return context

    def forget(self, expected: Expected) -> None:
        """Forget a context that nobody expects any more."""
        self._made.pop(expected, None)

    def _make(self, expected: Expected) -> ssl.SSLContext:
        context = client_context()
        if expected.keys:
            # The check below is stricter than a chain: this very key. It also lets a certificate be renewed with its key.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.sslobject_class = _checked(lambda tls: self._pinned(expected, tls))
            return context
        if expected.authorities:
            context.load_verify_locations(cadata="\n".join(expected.authorities))
        else:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
            if self._authorities:
                context.load_verify_locations(cadata="\n".join(self._authorities))
        if expected.name is not None:
            context.check_hostname = False
            context.sslobject_class = _checked(lambda tls: _check_name(expected, tls))
        return context

    def _pinned(self, expected: Expected, tls: ssl.SSLObject) -> None:
        shown = tls.getpeercert(binary_form=True)
        certificate = certificates.read(shown or b"")
        key = certificates.spki(certificate)
        if key not in expected.keys:
            raise WrongCertificateError("peer_certificate_key")
        if not certificates.valid_at(certificate, self._now()):
            raise WrongCertificateError("peer_certificate_expired")
        self._renewed(key, shown or b"")


def client_context() -> ssl.SSLContext:
    """Return a context for calls: TLS 1.2 or 1.3, certificate and host name required, nobody believed yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def connecting_code(error: BaseException | None) -> str:
    """Return the code of what went wrong in a handshake."""
    if isinstance(error, WrongCertificateError):
        return error.code
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        if code in _EXPIRED:
            return "peer_certificate_expired"
        return "peer_certificate_name" if code in _NAME else "peer_certificate"
    reason = getattr(error, "reason", None) or ""
    if any(part in reason for part in _OLD):
        return "peer_tls_version"
    return "peer_refuses_certificate" if refuses_ours(error) else "peer_tls_broken"


def refuses_ours(error: BaseException | None) -> bool:
    """Tell whether an error of a connection is the other side's refusal of our certificate."""
    reason = getattr(error, "reason", None) or ""
    return isinstance(error, ssl.SSLError) and any(part in reason for part in _REFUSES_OURS)


def _check_name(expected: Expected, tls: ssl.SSLObject) -> None:
    certificate = certificates.read(tls.getpeercert(binary_form=True) or b"")
    if expected.name is not None and not certificates.named(certificate, expected.name):
        raise WrongCertificateError("peer_certificate_name")


def _checked(check: Callable[[ssl.SSLObject], None]) -> type[ssl.SSLObject]:
    """Return the class of connections that are judged as their handshake ends (`SSLContext.sslobject_class`)."""

    class Checked(ssl.SSLObject):
        """A connection under such judgement."""

        def do_handshake(self) -> None:
            super().do_handshake()
            check(self)

    return Checked
