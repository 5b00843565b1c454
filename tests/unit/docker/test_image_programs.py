"""The two small programs of the image: `start`, which makes the home at the first start, and `ready`, its health check."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from tests import sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCKER = sources.ROOT / "docker"
TOWN = {"TOWN_DID": "did:web:localhost%3A9101", "TOWN_NAME": "Stora Viks kommun"}


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """Give a folder whose `connector` writes down how it was called and makes a home when asked to."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "connector"
    program.write_text('#!/bin/sh\necho "$@"\nif [ "$1" = init ]; then mkdir -p "$2"; : >"$2/connector.toml"; fi\n')
    program.chmod(0o755)
    return folder


def _start(bin_folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {"PATH": f"{bin_folder}:{os.defpath}", "TOWN_HOME": str(bin_folder.parent / "town"), **environment}
    return subprocess.run(
        ["/bin/sh", DOCKER / "start", *arguments], env=given, capture_output=True, text=True, check=False
    )


def test_the_first_start_makes_the_home_and_the_next_one_keeps_it(bin_folder: Path) -> None:
    home = bin_folder.parent / "town"
    first = _start(bin_folder, **TOWN, CONNECTOR_PUBLIC_PORT="9301")
    assert first.stdout.splitlines() == [
        f"init {home} --did {TOWN['TOWN_DID']} --name {TOWN['TOWN_NAME']} --public-port 9301 --admin-port 9102",
        f"serve --home {home}",
    ]
    assert _start(bin_folder).stdout.splitlines() == [f"serve --home {home}"]


def test_a_first_start_without_a_name_says_what_is_missing(bin_folder: Path) -> None:
    refused = _start(bin_folder, TOWN_DID=TOWN["TOWN_DID"])
    assert refused.returncode == 2
    assert "TOWN_NAME" in refused.stderr
    assert not (bin_folder.parent / "town").exists()


def test_arguments_are_a_command_on_the_home(bin_folder: Path) -> None:
    assert _start(bin_folder, "peers", "list").stdout == f"--home {bin_folder.parent / 'town'} peers list\n"


@pytest.fixture
def listener() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), _Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class _Answer(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/health/ready" else 404)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


def _ready(home: Path, settings: str) -> int:
    home.mkdir(exist_ok=True)
    (home / "connector.toml").write_text(settings)
    environment = {"TOWN_HOME": str(home)}
    return subprocess.run(
        [sys.executable, DOCKER / "ready"], env=environment, capture_output=True, check=False
    ).returncode


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_is_the_connectors_own_answer(
    tmp_path: Path, listener: HTTPServer, monkeypatch: pytest.MonkeyPatch, status: int, code: int
) -> None:
    monkeypatch.setattr(_Answer, "status", status)
    assert _ready(tmp_path / "town", f"admin_port = {listener.server_port}\n") == code


def test_a_connector_that_is_not_there_is_not_ready(tmp_path: Path, listener: HTTPServer) -> None:
    port = listener.server_port
    assert _ready(tmp_path / "town", f'admin_host = "127.0.0.2"\nadmin_port = {port}\n') == 1
    assert _ready(tmp_path / "town", "not toml") == 1
