"""The certificate that `connector init` turns TLS on with: one that exists, or one of a small authority inside the home."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from connector import clock
from connector.cli.commands import MisusedError
from connector.identity import authority, pairfile
from connector.net import certificates

if TYPE_CHECKING:
    from connector.cli.session import Session
    from connector.identity.participant import Place

FOLDER: Final = "tls"
LOCAL: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of the settings, and what an operator tells the neighbours: the key's fingerprint, and until when."""

    file: Path
    key: Path
    spki: str
    until: str


def prepare(session: Session, home: Path, where: Place) -> Certificate | None:
    """Return the certificate that was asked for, checked; None without one.

    Raises:
        MisusedError: `cli_tls_pair`, `cli_tls_both`. ConfigError: as `pairfile.read`.
    """
    certificate, key = session.typed("tls_cert"), session.typed("tls_key")
    if (certificate is None) != (key is None):
        raise MisusedError("cli_tls_pair", field="--tls-key")
    if session.typed("tls") is not None:
        if certificate is not None:
            raise MisusedError("cli_tls_both", field="--tls")
        return _checked(*_made(home, where))
    return None if certificate is None else _checked(Path(certificate).absolute(), Path(key).absolute())


def _made(home: Path, where: Place) -> tuple[Path, Path]:
    """Make an authority and a certificate in the home, for trying things out."""
    now, host = clock.now(), where.host.strip("[]")
    above = authority.authority(f"Development only: {host}", now)
    authority.write(home / FOLDER, "ca", above)
    names = tuple(dict.fromkeys((host, *(LOCAL if where.loopback else ()))))
    return authority.write(home / FOLDER, "server", authority.issue(above, names, now))


def _checked(certificate: Path, key: Path) -> Certificate:
    found = pairfile.read(certificate, key, clock.now())
    return Certificate(certificate, key, found.spki, clock.iso(certificates.times(found.certificate)[1]))
