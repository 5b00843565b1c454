"""Faults that tests cause: a PostgreSQL server that stops and starts again, and an answer to COMMIT that is lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests import postgres


def stop(server: postgres.Server) -> None:
    """Stop a server at once, as a crash does."""
    os.kill(server.pid, signal.SIGQUIT)
    file = server.folder / "data" / "postmaster.pid"
    until = time.monotonic() + 15
    while time.monotonic() < until and _listens(server.port):
        time.sleep(0.02)
    file.unlink(missing_ok=True)


@contextmanager
def started_again(server: postgres.Server) -> Iterator[None]:
    """Run a stopped server on its data and its port until the end of the block."""
    options = ["-p", str(server.port), "--listen_addresses=127.0.0.1", "--unix_socket_directories="]
    process: subprocess.Popen[bytes] = subprocess.Popen(
        [str(postgres._program("postgres")), "-D", str(server.folder / "data"), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=server.folder,
        env=postgres._environment(),
        start_new_session=True,
        **postgres._account(),
    )
    try:
        yield
    finally:
        postgres._stop(process)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass(slots=True)
class LossyProxy:
    """A proxy to a server that, when told to, once breaks the connection when the server has answered a COMMIT.

    With `before`, the connection breaks before the COMMIT reaches the server.
    """

    target: int
    lose: bool = False
    before: bool = False
    lost: int = 0
    _socket: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                pair = _Pair(self, client, server)
                threading.Thread(target=pair.forward, daemon=True).start()
                threading.Thread(target=pair.backward, daemon=True).start()


@dataclass(slots=True)
class _Pair:
    proxy: LossyProxy
    client: socket.socket
    server: socket.socket
    committing: bool = False

    def forward(self) -> None:
        with suppress(OSError):
            while data := self.client.recv(65536):
                if self.proxy.lose and b"COMMIT" in data:
                    self.proxy.lost, self.proxy.lose = self.proxy.lost + 1, False
                    if self.proxy.before:
                        break
                    self.committing = True
                self.server.sendall(data)
        self._close()

    def backward(self) -> None:
        with suppress(OSError):
            while data := self.server.recv(65536):
                if self.committing:
                    break
                self.client.sendall(data)
        self._close()

    def _close(self) -> None:
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
