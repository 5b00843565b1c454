"""`python -m certs.make FOLDER NAME[=HOST,...] ...`: a development authority, and certificates for any number of participants.

FOLDER gets `ca.pem` and `ca.key`, and for every NAME a folder with `server.pem`, `server.key` (what `connector init
--tls-cert FILE --tls-key FILE` takes; good in both directions) and `client.pem`, `client.key` (for clients only). A second run
keeps the authority while it is valid and renews the rest. Exit code 0, or 2 for wrong use.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from connector import clock
from connector.errors import ConfigError
from connector.identity import authority
from connector.identity.authority import Issued
from connector.net import certificates

LOCAL = ("localhost", "127.0.0.1", "::1")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_LONGEST_DAYS = 825


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what is asked for and say what was made."""
    parser = argparse.ArgumentParser(
        prog="python -m certs.make", description="A development authority and certificates."
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("participants", nargs="+", type=_participant, metavar="NAME[=HOST,...]",
                        help="without hosts: localhost, 127.0.0.1 and ::1")  # fmt: skip
    parser.add_argument("--days", type=_days, default=authority.DAYS, metavar="N", help="how long (30)")
    parser.add_argument("--authority-days", type=_days, default=authority.AUTHORITY_DAYS, metavar="N", help="... (90)")
    asked = parser.parse_args(arguments)
    try:
        make(asked.folder, dict(asked.participants), days=asked.days, authority_days=asked.authority_days)
    except ConfigError as error:
        parser.error(str(error))
    sys.stdout.write(f"{asked.folder / 'ca.pem'}\n")
    for name, _ in asked.participants:
        sys.stdout.write(f"{asked.folder / name / 'server.pem'}  {_spki(asked.folder / name / 'server.pem')}\n")
    return 0


def make(
    folder: Path, participants: dict[str, Sequence[str]], *, days: int = authority.DAYS,
    authority_days: int = authority.AUTHORITY_DAYS, now: float | None = None,
) -> Issued:  # fmt: skip
    """Make or renew everything in a folder and return the authority. Raises ConfigError."""
    moment = clock.now() if now is None else now
    above = _authority(folder, moment, authority_days)
    for name, hosts in participants.items():
        server = authority.issue(above, hosts, moment, days=days)
        client = authority.issue(above, hosts, moment, days=days, usages=("client",))
        authority.write(folder / name, "server", server, replace=True)
        authority.write(folder / name, "client", client, replace=True)
    return above


def _authority(folder: Path, now: float, days: int) -> Issued:
    """Return the authority that is there, or a new one where it is missing or its time is over."""
    certificate, key = folder / "ca.pem", folder / "ca.key"
    if certificate.exists() and key.exists():
        kept = authority.load(certificate, key)
        if certificates.valid_at(kept.certificate, now):
            return kept
    made = authority.authority("Development only", now, days=days)
    authority.write(folder, "ca", made, replace=True)
    return made


def _spki(path: Path) -> str:
    return certificates.spki(certificates.read_pem(path.read_text(encoding="utf-8"))[0])


def _participant(text: str) -> tuple[str, Sequence[str]]:
    name, _, hosts = text.partition("=")
    if not _NAME.fullmatch(name):
        raise argparse.ArgumentTypeError(text)
    return name, tuple(host for host in hosts.split(",") if host) or LOCAL


def _days(text: str) -> int:
    number = int(text)
    if not 1 <= number <= _LONGEST_DAYS:
        raise argparse.ArgumentTypeError(text)
    return number


if __name__ == "__main__":
    sys.exit(main())
