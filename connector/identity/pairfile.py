"""Our certificate and its key, in two files that are followed as they change; a broken new pair never replaces a good one."""

from __future__ import annotations

import contextlib
import logging
import os
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connector import clock
from connector.errors import ConfigError
from connector.identity import keyfile
from connector.net import certificates

log = logging.getLogger(__name__)

NEAR_DAYS: Final = (30, 14, 7, 1)
"""How many days before the end a certificate is spoken of, the last time most loudly."""
DAY: Final = 86400.0
_MOST_BYTES: Final = 256 * 1024
_Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A pair that has been read and found good; `pem` is the chain and the key."""

    chain: tuple[x509.Certificate, ...]
    pem: bytes

    @property
    def certificate(self) -> x509.Certificate:
        """Our own certificate, the first of the chain."""
        return self.chain[0]

    @property
    def spki(self) -> str:
        """The fingerprint of its key, which neighbours pin."""
        return certificates.spki(self.certificate)

    def days_left(self, now: float) -> float:
        """Return for how many days the chain holds: as long as the one of its certificates that ends first."""
        return (min(certificates.times(one)[1] for one in self.chain) - now) / DAY

    def near_end(self, now: float) -> int | None:
        """Return the last of 30, 14, 7 and 1 days that has been passed; None while a third of the certificate's time is left."""
        begin, end = certificates.times(self.certificate)
        left = self.days_left(now)
        if left * DAY > (end - begin) / 3:
            return None
        return min((days for days in NEAR_DAYS if left < days), default=None)

    def __repr__(self) -> str:
        return f"Loaded({self.certificate.subject.rfc4514_string()})"


def read(certificate: Path, key: Path, now: float, *, credential: bool = False) -> Loaded:
    """Read a pair and check that it can be used now.

    Args:
        certificate: PEM, our own certificate first, then those that lead to an authority.
        key: PEM, without a password, closed to others.
        now: seconds.
        credential: whether the key is a systemd credential (`keyfile.load_key`).

    Raises:
        ConfigError: `tls_file_missing`, `tls_file_unreadable`, `tls_certificate_wrong`, `tls_key_wrong`, `tls_pair_mismatch`,
            `tls_certificate_expired`, `tls_certificate_early`, `key_file_open_to_others`.
    """
    chain_pem, key_pem = _bytes(certificate), _bytes(key)
    if not credential:
        keyfile.check_closed(key)
    try:
        chain = certificates.read_pem(chain_pem.decode("utf-8"))
    except (ValueError, TypeError):
        raise ConfigError("tls_certificate_wrong", path=str(certificate)) from None
    try:
        private = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError):
        raise ConfigError("tls_key_wrong", path=str(key)) from None
    if _public(private.public_key()) != _public(chain[0].public_key()):
        raise ConfigError("tls_pair_mismatch", path=str(certificate), key_path=str(key))
    _check_times(chain, certificate, now)
    found = Loaded(chain, b"".join(certificates.pem(one).encode() for one in chain) + b"\n" + key_pem)
    _try(found, certificate)
    return found


class PairFiles:
    """The pair in use.

    Args:
        certificate: see `read`. key: see `read`.
        now: the clock. credential: see `read`.

    Raises:
        ConfigError: as `read`: a start with a pair that cannot be used is refused.
    """

    def __init__(
        self, certificate: Path, key: Path, now: Callable[[], float] = clock.now, *, credential: bool = False
    ) -> None:
        self.credential = credential
        self.certificate = certificate
        self.key = key
        self._now = now
        self._stamp = self._look()
        self.loaded = read(certificate, key, now(), credential=credential)
        self.generation = 1
        self.fault: ConfigError | None = None
        self._warn_of_end()

    def refresh(self) -> None:
        """Take what the files hold now, if they have changed and hold a good pair; else say so once and keep the old pair."""
        stamp = self._look()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.loaded = read(self.certificate, self.key, self._now(), credential=self.credential)
        except ConfigError as error:
            self.fault = error
            log.warning(
                "new certificate cannot be used, the old one stays: code=%s file=%s", error.code, self.certificate
            )
            return
        self.fault = None
        self.generation += 1
        log.info("new certificate taken: file=%s", self.certificate)
        self._warn_of_end()

    def load_into(self, context: ssl.SSLContext) -> None:
        """Let a context show the pair in use, whatever the files hold by now."""
        _load(context, self.loaded)

    def _warn_of_end(self) -> None:
        days = self.loaded.days_left(self._now())
        if self.loaded.near_end(self._now()) is not None:
            log.warning("certificate ends soon, renew it: file=%s days=%d", self.certificate, int(days))

    def _look(self) -> _Stamp:
        return (*_stamp(self.certificate), *_stamp(self.key))


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return (0,)
    return found.st_mtime_ns, found.st_ino, found.st_size, found.st_mode


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except FileNotFoundError:
        raise ConfigError("tls_file_missing", path=str(path)) from None
    except OSError as error:
        raise ConfigError("tls_file_unreadable", path=str(path), why=error.strerror) from None


def _check_times(chain: tuple[x509.Certificate, ...], path: Path, now: float) -> None:
    for one in chain:
        begin, end = certificates.times(one)
        if now > end:
            raise ConfigError("tls_certificate_expired", path=str(path), until=clock.iso(end))
        if now < begin:
            raise ConfigError("tls_certificate_early", path=str(path), since=clock.iso(begin))


def _public(key: object) -> bytes:
    made: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return made


def _try(found: Loaded, path: Path) -> None:
    """Refuse a pair that OpenSSL will not take (a key that is too weak, a curve that it does not know)."""
    try:
        _load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), found)
    except (ssl.SSLError, ValueError):
        raise ConfigError("tls_certificate_wrong", path=str(path)) from None


def _load(context: ssl.SSLContext, found: Loaded) -> None:
    with _in_memory(found.pem) as path:
        context.load_cert_chain(path, password=_no_password)


def _no_password() -> str:
    """Keep OpenSSL from asking on the terminal."""
    return ""


@contextlib.contextmanager
def _in_memory(data: bytes) -> Iterator[str]:
    """Give bytes as a file that is on no disk: OpenSSL's door takes files only, and ours may have changed meanwhile."""
    handle = os.memfd_create("pair", os.MFD_CLOEXEC)
    try:
        os.write(handle, data)
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)
