"""A PostgreSQL server of the tests' own: real, on a loopback port that the system chooses, gone when they end."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

_ACCOUNT = "postgres"
_START_SECONDS = 30.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "log_min_messages": "warning",
    "timezone": "UTC",
}
_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


def binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL server on this system, or None."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if folders:
        return max(folders, key=lambda folder: int(folder.parent.name))
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its port, the password of its superuser, and the process id of its postmaster."""

    port: int
    password: str
    pid: int
    folder: Path

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{_ACCOUNT}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "template1") -> str:
        """Create an empty database, or a copy of another one, and return its URL."""
        name = f"test_{secrets.token_hex(6)}"
        self._run("CREATE DATABASE {} TEMPLATE {} STRATEGY wal_log", name, template)
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop the database of a URL, whoever is still connected to it."""
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", url.rpartition("/")[2])

    def _run(self, statement: str, *names: str) -> None:
        query = sql.SQL(statement).format(*map(sql.Identifier, names))
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(query)


@contextmanager
def running(*, durable: bool = False) -> Iterator[Server]:
    """Run a server until the end of the block.

    Args:
        durable: wait for the disk at every commit, as a real installation does; the tests' own speed does without.
    """
    folder = Path(tempfile.mkdtemp(prefix="connector-postgres-"))
    try:
        folder.chmod(0o700)
        _give(folder)
        password = _initialise(folder)
        process, port = _start(folder, durable=durable)
        try:
            yield Server(port, password, process.pid, folder)
        finally:
            _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account() -> dict[str, Any]:
    """Return the account to run as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(_ACCOUNT)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _give(path: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(path, _ACCOUNT, _ACCOUNT)


def _initialise(folder: Path) -> str:
    password = secrets.token_urlsafe(16)
    file = folder / "password"
    file.write_text(password)
    _give(file)
    command = [str(_program("initdb")), f"--pgdata={folder / 'data'}", f"--username={_ACCOUNT}", f"--pwfile={file}"]
    options = ["--auth=password", "--encoding=UTF8", "--no-locale", "--no-sync"]
    subprocess.run([*command, *options], check=True, capture_output=True, cwd=folder, env=_environment(), **_account())
    return password


def _start(folder: Path, *, durable: bool) -> tuple[subprocess.Popen[bytes], int]:
    settings = _SETTINGS if durable else {**_SETTINGS, **_FAST}
    options = [f"--{name}={value}" for name, value in settings.items()]
    for _ in range(5):
        port = _free_port()
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [_program("postgres"), "-D", folder / "data", "-p", str(port), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=_environment(),
                start_new_session=True,
                **_account(),
            )
        if _ready(process, folder):
            return process, port
    message = f"PostgreSQL did not start:\n{(folder / 'log').read_text(errors='replace')[-2000:]}"
    raise RuntimeError(message)


def _ready(process: subprocess.Popen[bytes], folder: Path) -> bool:
    """Wait until the server accepts connections, which its own file says; False if it ended or needs too long."""
    file = folder / "data" / "postmaster.pid"
    until = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        if file.exists() and file.read_text().rstrip().endswith("ready"):
            return True
        time.sleep(0.02)
    _stop(process)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)
        process.wait(15)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _program(name: str) -> Path:
    folder = binaries()
    if folder is None:
        message = "PostgreSQL is not installed: make system-deps"
        raise RuntimeError(message)
    return folder / name


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
