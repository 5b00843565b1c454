"""How a peer's certificate is trusted, as a person chose it when the peer was added (pure).

Three modes: `token` (the pinned token key alone proves who speaks, TLS is as the system's authorities say), `certificate` (in
addition a pinned certificate key: SHA-256 of the SubjectPublicKeyInfo), `authority` (in addition an authority's word for a name).
In the last two the peer must show such a certificate both when it is called and when it calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from cryptography import x509

from connector.errors import Invalid, Unauthenticated
from connector.net import certificates
from connector.net.tls import Expected

Mode = Literal["token", "certificate", "authority"]
TOKEN: Final = "token"  # noqa: S105 - the name of a mode
CERTIFICATE: Final = "certificate"
AUTHORITY: Final = "authority"
_MOST_KEYS: Final = 16


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate that a client showed, and what it sent along to lead to an authority."""

    certificate: x509.Certificate
    between: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class Trust:
    """What a peer's certificate must be.

    Attributes:
        keys: the pinned fingerprints (mode `certificate`).
        certificates: PEM: the pinned certificates as last seen, the authorities (mode `authority`), or what the peer showed when
            it was added (mode `token`; the handshake lets it pass, it proves nothing).
        name: whom the authority must vouch for (mode `authority`).
    """

    mode: Mode = "token"
    keys: frozenset[str] = frozenset()
    certificates: tuple[str, ...] = ()
    name: str | None = None

    @property
    def demands(self) -> bool:
        """Whether the peer must show a certificate."""
        return self.mode != TOKEN

    def expected(self, *, show: bool) -> Expected:
        """Return what the peer's certificate must be when we call it; `show` ours to it or not."""
        if self.mode == CERTIFICATE:
            return Expected(keys=self.keys, show=show)
        if self.mode == AUTHORITY:
            return Expected(authorities=self.certificates, name=self.name, show=show)
        return Expected(show=show)

    def check(self, shown: Shown | None, now: float) -> None:
        """Judge what the peer showed when it called.

        Raises:
            Unauthenticated: `client_certificate_missing`, `client_certificate_foreign`, `client_certificate_expired`,
                `client_certificate_untrusted`.
        """
        if not self.demands:
            return
        if shown is None:
            raise Unauthenticated("client_certificate_missing")
        if self.mode == CERTIFICATE and certificates.spki(shown.certificate) not in self.keys:
            raise Unauthenticated("client_certificate_foreign")
        if self.mode == AUTHORITY and not certificates.named(shown.certificate, self.name or ""):
            raise Unauthenticated("client_certificate_foreign")
        if not certificates.valid_at(shown.certificate, now):
            raise Unauthenticated("client_certificate_expired")
        if self.mode == AUTHORITY and not self._vouched(shown, now):
            raise Unauthenticated("client_certificate_untrusted")

    def with_certificate(self, found: x509.Certificate) -> Trust:
        """Return the trust with a certificate as it was seen now, in the place of an earlier one of the same key."""
        if self.mode == AUTHORITY or certificates.pem(found) in self.certificates:
            return self
        key = certificates.spki(found)
        if self.mode == CERTIFICATE and key not in self.keys:
            return self
        kept = tuple(text for text in self.certificates if _spki(text) != key) if self.mode == CERTIFICATE else ()
        return replace(self, certificates=(*kept, certificates.pem(found)))

    def _vouched(self, shown: Shown, now: float) -> bool:
        return certificates.vouched(shown.certificate, shown.between, [_load(text) for text in self.certificates], now)


def dump(trust: Trust) -> dict[str, Any] | None:
    """Return a trust as it is stored; None for one that demands nothing and has seen nothing."""
    if trust == Trust():
        return None
    return {
        "mode": trust.mode,
        "keys": sorted(trust.keys),
        "certificates": list(trust.certificates),
        "name": trust.name,
    }


def load(stored: Mapping[str, Any] | None) -> Trust:
    """Return a trust that was stored."""
    if stored is None:
        return Trust()
    return Trust(stored["mode"], frozenset(stored["keys"]), tuple(stored["certificates"]), stored["name"])


def chosen(
    *, certificate: str | None = None, keys: Sequence[str] = (), authority: str | None = None, name: str | None = None
) -> Trust:
    """Return the trust that a person's words mean: PEM of a certificate, fingerprints of keys, or PEM of an authority and a name.

    Raises:
        Invalid: `trust_unclear`, `trust_certificate`, `trust_key`, `trust_authority`, `trust_name`.
    """
    if (authority is None) != (name is None) or (authority is not None and (certificate is not None or keys)):
        raise Invalid("trust_unclear", field="/trust")
    if authority is not None and name is not None:
        return _authority(authority, name)
    if certificate is None and not keys:
        return Trust()
    pinned = [] if certificate is None else _ends(_read(certificate, "trust_certificate", "/trust/certificate"))
    return Trust(
        CERTIFICATE,
        frozenset({*map(certificates.spki, pinned), *_fingerprints(keys)}),
        tuple(map(certificates.pem, pinned)),
    )


def _authority(text: str, name: str) -> Trust:
    found = _read(text, "trust_authority", "/trust/authority")
    if not all(map(_is_authority, found)):
        raise Invalid("trust_authority", field="/trust/authority")
    plain = name.strip().rstrip(".").lower()
    if not plain or len(plain) > 253 or not plain.isascii() or not plain.isprintable() or " " in plain:  # noqa: PLR2004
        raise Invalid("trust_name", field="/trust/name")
    return Trust(AUTHORITY, certificates=tuple(map(certificates.pem, found)), name=plain)


def _fingerprints(keys: Iterable[str]) -> list[str]:
    found = list(keys)
    try:
        if len(found) <= _MOST_KEYS:
            return [certificates.spki_text(text) for text in found]
    except ValueError:
        pass
    raise Invalid("trust_key", field="/trust/keys")


def _ends(found: Sequence[x509.Certificate]) -> Sequence[x509.Certificate]:
    """Return the certificates of a file that are somebody's own: not the authorities that a chain has after them."""
    return [one for one in found if not _is_authority(one)] or found[:1]


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _read(text: str, code: str, field: str) -> tuple[x509.Certificate, ...]:
    try:
        return certificates.read_pem(text)
    except (ValueError, TypeError):
        raise Invalid(code, field=field) from None


def _load(text: str) -> x509.Certificate:
    return certificates.read(certificates.der(certificates.read_pem(text)[0]))


def _spki(text: str) -> str:
    return certificates.spki(_load(text))
