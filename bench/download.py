"""A large download through the data endpoint against nginx's sendfile, without TLS on either."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import machine, reads, traffic
from bench.figures import Figure, Goal, median, spread
from bench.scale import GIB, Scale
from tests.acceptance.towns import free_ports

_NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors; {user}
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""
_START_SECONDS = 10.0
_GOAL: Goal = ("at least", 0.85)
_SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


@dataclass(frozen=True, slots=True)
class Taken:
    """One download: its seconds, and the server's CPU seconds."""

    seconds: float
    cpu: float


def download(folder: Path, scale: Scale) -> list[Figure]:
    """Compare, download by download; without nginx only the memory is measured."""
    folder.mkdir(parents=True)
    file = folder / "large.bin"
    with file.open("wb") as made:
        made.truncate(scale.download_bytes)
    nginx = shutil.which("nginx", path=_SEARCHED)
    ours, theirs = list[Taken](), list[Taken]()
    with reads.endpoint(folder / "towns", file) as found, _served(nginx, folder) as control:
        machine.forget_peak(found.provider.pid)
        before = machine.memory(found.provider.pid).now
        _take(found.url, found.token, scale.download_bytes, found.provider.pid)
        for _ in range(scale.downloads):
            if control is not None:
                theirs.append(_take(control.url, None, scale.download_bytes, control.pid))
            ours.append(_take(found.url, found.token, scale.download_bytes, found.provider.pid))
        growth = machine.memory(found.provider.pid).peak - before
    size = f"{scale.download_bytes / GIB:g} GiB of a sparse file, one connection on loopback"
    return [
        _throughput(ours, theirs, size),
        Figure("Memory growth during downloads", growth, "MB", ("at most", 16), f"{size}, {len(ours)} times"),
        Figure("Download", scale.download_bytes / median([one.seconds for one in ours]) / 1e6, "MB/s", None, size),
        Figure("Download, server", _per_gib(ours, scale), "s CPU/GiB", None, size),
        Figure("Download, nginx", _per_gib(theirs, scale) if theirs else None, "s CPU/GiB", None, size),
    ]


def _throughput(ours: list[Taken], theirs: list[Taken], size: str) -> Figure:
    name = "Download throughput against nginx sendfile"
    if not theirs:
        return Figure(name, None, "", _GOAL, "nginx is not installed (apt-get install nginx-light)")
    ratios = [control.seconds / one.seconds for one, control in zip(ours, theirs, strict=True)]
    return Figure(name, median(ratios), "", _GOAL, f"{size}; rounds {spread(ratios)}")


def _per_gib(taken: list[Taken], scale: Scale) -> float:
    return median([one.cpu for one in taken]) * GIB / scale.download_bytes


def _take(url: str, token: str | None, size: int, pid: int) -> Taken:
    before = machine.cpu_seconds(pid)
    seconds = traffic.download(url, token, size)
    return Taken(seconds, machine.cpu_seconds(pid) - before)


@dataclass(frozen=True, slots=True)
class Control:
    """A running nginx: where it serves the file, and the process that does."""

    url: str
    pid: int


@contextmanager
def _served(nginx: str | None, root: Path) -> Iterator[Control | None]:
    """Serve a folder by nginx until the end of the block; None without it."""
    if nginx is None:
        yield None
        return
    folder = root / "nginx"
    folder.mkdir()
    with free_ports(1) as (port,):
        pass
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "conf").write_text(_NGINX.format(folder=folder, port=port, root=root, user=user))
    popen = subprocess.Popen([nginx, "-p", folder, "-c", folder / "conf", "-e", folder / "errors"])
    try:
        _await(port)
        worker = Path(f"/proc/{popen.pid}/task/{popen.pid}/children").read_text().split()[0]
        yield Control(f"http://127.0.0.1:{port}/large.bin", int(worker))
    finally:
        popen.terminate()
        popen.wait()


def _await(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
