"""Reading X.509 certificates: their keys' fingerprints, names and times, and whether an authority vouches for one.

Sources: RFC 5280 (certificates), RFC 7469 section 2.4 (the fingerprint of a key: SHA-256 over its SubjectPublicKeyInfo),
RFC 6125 section 6.4 (names).
"""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import verification

SPKI_CHARACTERS = 64
_SPKI = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOST_BYTES = 64 * 1024
_MOST_CERTIFICATES = 64


def read(der: bytes) -> x509.Certificate:
    """Return the certificate in DER bytes. Raises ValueError."""
    return _read(bytes(der))


def read_pem(text: str) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a PEM text, at least one and at most 64, in their order. Raises ValueError."""
    if len(text) > _MOST_BYTES:
        message = "too long"
        raise ValueError(message)
    found = tuple(x509.load_pem_x509_certificates(text.encode("utf-8")))
    if not 0 < len(found) <= _MOST_CERTIFICATES:
        message = "too many certificates"
        raise ValueError(message)
    return found


def pem(certificate: x509.Certificate) -> str:
    """Return a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def der(certificate: x509.Certificate) -> bytes:
    """Return a certificate as DER."""
    return certificate.public_bytes(serialization.Encoding.DER)


def spki(certificate: x509.Certificate) -> str:
    """Return the fingerprint of a certificate's key: SHA-256 over its SubjectPublicKeyInfo, 64 hexadecimal digits.

    It stays the same when a certificate is renewed with the same key.
    """
    key = certificate.public_key()
    info = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(info).hexdigest()


def spki_text(text: str) -> str:
    """Return a fingerprint as a person wrote it (colons, spaces, capitals) in the form of `spki`. Raises ValueError."""
    plain = text.strip().lower().removeprefix("sha256:").replace(":", "").replace(" ", "")
    if not _SPKI.fullmatch(plain):
        message = "not a SHA-256 in hexadecimal digits"
        raise ValueError(message)
    return plain


def times(certificate: x509.Certificate) -> tuple[float, float]:
    """Return from when and until when a certificate is valid, in seconds."""
    return certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()


def valid_at(certificate: x509.Certificate, now: float) -> bool:
    """Tell whether a moment lies in a certificate's validity."""
    begin, end = times(certificate)
    return begin <= now <= end


def names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the host names and addresses that a certificate is for (subjectAltName), in lower case."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    hosts = [name.lower() for name in extension.get_values_for_type(x509.DNSName)]
    return (*hosts, *(str(address) for address in extension.get_values_for_type(x509.IPAddress)))


def named(certificate: x509.Certificate, wanted: str) -> bool:
    """Tell whether a certificate is for a name: the same one, or one label under a `*.` of the certificate."""
    host = wanted.strip("[]").rstrip(".").lower()
    try:
        host = str(ipaddress.ip_address(host))
        return host in names(certificate)
    except ValueError:
        star = f"*.{host.partition('.')[2]}"
        return any(name in (host, star) for name in names(certificate))


def vouched(
    certificate: x509.Certificate,
    between: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate],
    now: float,
) -> bool:
    """Tell whether an authority vouches for a client's certificate at a moment (RFC 5280 path validation).

    Args:
        certificate: the client's own; it must be meant for clients.
        between: what it sent along to lead to the authority.
        authorities: whom we believe.
        now: seconds.
    """
    policy = verification.PolicyBuilder().store(verification.Store(list(authorities)))
    verifier = policy.time(datetime.fromtimestamp(now, UTC)).build_client_verifier()
    try:
        verifier.verify(certificate, list(between))
    except (verification.VerificationError, UnsupportedAlgorithm, ValueError):
        return False
    return True


@functools.lru_cache(maxsize=1024)
def _read(data: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(data)
