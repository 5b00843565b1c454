"""A development authority: certificates for trying things out, made in a moment and good for a short time.

Used by `connector init --tls dev`, by `certs/` and by the tests. Its certificates have what RFC 5280 section 4.2 asks for:
basic constraints, key usage, extended key usage, names, and the two key identifiers. In production a real authority does this.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from connector.errors import ConfigError
from connector.net import certificates

Usage = Literal["server", "client"]
BOTH: Final[tuple[Usage, ...]] = ("server", "client")
DAYS: Final = 30
AUTHORITY_DAYS: Final = 90
_EARLIER: Final = timedelta(minutes=5)
_USAGES: Final = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        """The certificate as PEM."""
        return certificates.pem(self.certificate)

    @property
    def key_pem(self) -> bytes:
        """The key as PEM, PKCS #8, with no password."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def __repr__(self) -> str:
        return f"Issued({self.certificate.subject.rfc4514_string()})"


def authority(name: str, now: float, *, days: float = AUTHORITY_DAYS, by: Issued | None = None) -> Issued:
    """Return a new authority: its own issuer, or one under another.

    Args:
        name: its common name.
        now: seconds; it is valid from five minutes before.
        days: for how long.
        by: the authority above it.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = by or key
    builder = _builder(name, key, issuer, now, days)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    return _signed(builder, key, issuer)


def issue(
    by: Issued | None, names: Sequence[str], now: float, *, days: float = DAYS, usages: Iterable[Usage] = BOTH,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> Issued:  # fmt: skip
    """Return a new certificate.

    Args:
        by: who signs it; None for one that signs itself.
        names: host names and addresses that it is for, at least one; the first is its common name too.
        now: seconds; it is valid from five minutes before.
        days: for how long.
        usages: for servers, for clients, or for both.
        key: of a certificate that is renewed; a new one by default.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    issuer = by or key
    builder = _builder(names[0], key, issuer, now, days)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([_USAGES[usage] for usage in usages]), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
    return _signed(builder, key, issuer)


def write(folder: Path, name: str, made: Issued, *, replace: bool = False) -> tuple[Path, Path]:
    """Write `<name>.pem` and `<name>.key` (mode 0600) to a folder, the key first, and return their paths.

    Raises:
        ConfigError: `key_file_exists`, `key_file_unwritable`.
    """
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(key, made.key_pem, replace=replace)
        _write(certificate, made.pem.encode(), replace=replace)
    except FileExistsError:
        raise ConfigError("key_file_exists", path=str(key)) from None
    except OSError as error:
        raise ConfigError("key_file_unwritable", path=str(folder), why=error.strerror) from None
    return certificate, key


def load(certificate: Path, key: Path) -> Issued:
    """Read what `write` wrote. Raises ConfigError `key_file_wrong_kind`, `key_file_unreadable`."""
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
        found = certificates.read_pem(certificate.read_text(encoding="utf-8"))[0]
    except OSError as error:
        raise ConfigError("key_file_unreadable", path=str(error.filename), why=error.strerror) from None
    except (ValueError, TypeError):
        raise ConfigError("key_file_wrong_kind", path=str(key)) from None
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise ConfigError("key_file_wrong_kind", path=str(key))
    return Issued(found, private)


def _write(path: Path, data: bytes, *, replace: bool) -> None:
    """Write a file of mode 0600 whole or not at all."""
    if not replace and path.exists():
        raise FileExistsError(path)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _builder(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: Issued | ec.EllipticCurvePrivateKey, now: float, days: float
) -> x509.CertificateBuilder:
    moment = datetime.fromtimestamp(now, UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    above = issuer.certificate.subject if isinstance(issuer, Issued) else subject
    signer = (issuer.key if isinstance(issuer, Issued) else issuer).public_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - _EARLIER)
        .not_valid_after(moment + timedelta(days=days))
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
    )


def _signed(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, issuer: Issued | ec.EllipticCurvePrivateKey
) -> Issued:
    signer = issuer.key if isinstance(issuer, Issued) else issuer
    return Issued(builder.sign(signer, hashes.SHA256()), key)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=signs_certificates, crl_sign=signs_certificates,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        return x509.DNSName(text)
