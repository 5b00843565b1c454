"""`connector init HOME`: a new home with its settings, keys, database, first participant and first operator's token."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from connector import config
from connector.cli import tls
from connector.cli.commands import DONE, MisusedError, Verb, option, place, port
from connector.cli.session import TOKEN_FILE, Session
from connector.errors import ConfigError, Invalid
from connector.identity import keyfile
from connector.identity import participant as places
from connector.services import operators, participants
from connector.services.doctor import GRANTS_KEY
from connector.services.participants import Own
from connector.store import migrate
from connector.store.session import Store

FIRST_OPERATOR: Final = "admin"
KEYS, POLICIES = "keys", "policies"
_OURS: Final = (config.FILE, KEYS, tls.FOLDER, TOKEN_FILE, "connector.db", "connector.db-wal", "connector.db-shm")
"""What `init` makes; where one of these is, there is a home already, and nothing is touched."""


def run(session: Session) -> int:
    """Make a home. What was made is removed again when the end is not reached."""
    home, did = Path(session.typed("folder")).absolute(), session.typed("did")
    public, private = _ports(session)
    place_of = _place(did)
    if public == private:
        raise MisusedError("cli_ports_equal", field="--admin-port", port=public)
    _refuse_used(home)
    with _undone_on_failure(home):
        settings, certificate = _files(session, home)
        own = asyncio.run(_rows(settings, did, session.typed("name")))
    if place_of.loopback and place_of.port != public:
        session.output.warn("cli_init_port", did=did, said=place_of.port or 80, port=public)
    made = {"id": did, "name": own.row.name, "home": str(home), "token_file": str(home / TOKEN_FILE)}
    made |= {"operator": FIRST_OPERATOR, "fingerprints": {"token": own.token, "seal": own.seal}}
    if certificate is not None:
        made["certificate"] = {"file": str(certificate.file), "spki": certificate.spki, "until": certificate.until}
    if session.output.as_json:
        session.output.value(made)
    session.output.say(
        "cli_init_done",
        home=home,
        typed=shlex.quote(str(home)),
        name=own.row.name,
        did=did,
        token=own.token,
        seal=own.seal,
    )
    if certificate is not None:
        session.output.say(
            "cli_init_certificate", file=certificate.file, spki=certificate.spki, until=certificate.until
        )
    return DONE


def _place(did: str) -> places.Place:
    try:
        return places.place(did)
    except Invalid as error:
        raise MisusedError(error.code, field="--did") from None


def _ports(session: Session) -> tuple[int, int]:
    """Return the ports of the public and of the private listener."""
    first = config.Config.model_fields
    public = session.typed("public_port", first["public_port"].default)
    return public, session.typed("admin_port", first["admin_port"].default)


def _refuse_used(home: Path) -> None:
    if home.exists() and not home.is_dir():
        raise ConfigError("cli_home_no_folder", path=str(home))
    found = next((name for name in _OURS if (home / name).exists()), None)
    if found is not None:
        raise ConfigError("cli_home_used", path=str(home), found=found)


def _files(session: Session, home: Path) -> tuple[config.Config, tls.Certificate | None]:
    """Make the folders, the certificate for trying things out, the settings and the key of the grants' tokens."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / KEYS).mkdir(mode=0o700)
    (home / POLICIES).mkdir(exist_ok=True)
    public, private = _ports(session)
    certificate = tls.prepare(session, home, _place(session.typed("did")))
    config.write_first(
        home,
        language=session.output.language,
        public_port=public,
        admin_port=private,
        database=session.typed("database"),
        public_tls_certificate_file=None if certificate is None else str(certificate.file),
        public_tls_key_file=None if certificate is None else str(certificate.key),
    )
    keyfile.create_secret(home / KEYS / GRANTS_KEY)
    return config.load(home, session.environ), certificate


async def _rows(settings: config.Config, did: str, name: str) -> Own:
    """Make the tables, the participant with its keys, and the operator with the file of the token."""
    url = settings.database_url()
    await asyncio.to_thread(migrate.upgrade, url)
    store = Store(url)
    try:
        if await store.read(lambda unit: unit.participants.list()):
            raise ConfigError("cli_database_used", field="--database")
        own = await participants.create(settings.home, store, did, name, secure=settings.public_tls() is not None)
        _, token = await operators.create(store, FIRST_OPERATOR, operators.APPROVE, by="init")
    finally:
        await store.close()
    _write_token(settings.home / TOKEN_FILE, token)
    return own


def _write_token(path: Path, token: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(token + "\n")


@contextlib.contextmanager
def _undone_on_failure(home: Path) -> Iterator[None]:
    """Leave a home that could not be finished as it was found, so that `init` can be tried again."""
    before = home.exists()
    try:
        yield
    except BaseException:
        for name in _OURS:
            found = home / name
            shutil.rmtree(found, ignore_errors=True) if found.is_dir() else found.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            (home / POLICIES).rmdir()
            if not before:
                home.rmdir()
        raise


VERBS = (
    Verb(
        "",
        run,
        (
            place("HOME", "folder"),
            option("--did", "DID", required=True),
            option("--name", "NAME", required=True),
            option("--public-port", "PORT", type=port),
            option("--admin-port", "PORT", type=port),
            option("--database", "URL"),
            option("--tls-cert", "FILE"),
            option("--tls-key", "FILE"),
            option("--tls", choices=("dev",)),
        ),
        client=False,
    ),
)
