from __future__ import annotations

import errno
import os
import socket
import threading
from pathlib import Path

import pytest

from connector.dataplane import opening
from connector.errors import Unknown, Unreachable


def _read(root: Path, *parts: str) -> bytes:
    with opening.directory(root, parts[:-1]) as parent, opening.regular_file(parts[-1], parent) as file:
        return file.read()


def test_a_file_below_the_root_is_read(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c.csv").write_bytes(b"data")
    assert _read(tmp_path, "a", "b", "c.csv") == b"data"


def test_a2_32_a_symlink_is_refused_at_every_component(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    root = tmp_path / "root"
    (root / "real").mkdir(parents=True)
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "real" / "secret").symlink_to(tmp_path / "outside" / "secret")
    (root / "inside").symlink_to(root / "real")
    for parts in (("link", "secret"), ("real", "secret"), ("inside", "secret"), ("link",)):
        with pytest.raises(Unknown, match="data_unknown"):
            _read(root, *parts)
    (tmp_path / "root-link").symlink_to(tmp_path / "outside")
    with pytest.raises(Unreachable, match="data_source"):
        _read(tmp_path / "root-link", "secret")


def test_a2_32_only_regular_files_are_opened_and_a_pipe_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for name in ("pipe", "folder", "socket", "missing", "x" * 300):
            with pytest.raises(Unknown, match="data_unknown"):
                _read(tmp_path, name)


def test_a2_32_swapping_a_directory_for_a_symlink_never_leads_outside(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root / "data", outside / "data", root / "spare"):
        folder.mkdir(parents=True)
    (root / "data" / "file").write_bytes(b"inside")
    (outside / "data" / "file").write_bytes(b"secret")
    (root / "link").symlink_to(outside / "data")
    stop = threading.Event()
    swapper = threading.Thread(target=_swap, args=(root, stop))
    swapper.start()
    seen = {b"inside": 0, b"refused": 0}
    try:
        for _ in range(4000):
            try:
                seen[_read(root, "data", "file")] += 1
            except Unknown:
                seen[b"refused"] += 1
    finally:
        stop.set()
        swapper.join()
    assert seen[b"inside"] > 0


def _swap(root: Path, stop: threading.Event) -> None:
    while not stop.is_set():
        (root / "data").rename(root / "spare" / "data")
        (root / "link").rename(root / "data")
        (root / "data").rename(root / "link")
        (root / "spare" / "data").rename(root / "data")


def test_any_write_gives_another_entity_tag(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    seen = path.stat()
    first = _state(path)
    assert first.etag == _state(path).etag
    path.write_bytes(b"two")
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    second = _state(path)
    assert (first.size, first.modified_ns) == (second.size, second.modified_ns)
    assert first.etag != second.etag


def test_a_time_that_no_calendar_holds_is_brought_into_it() -> None:
    assert opening.seconds(-5) == 0
    assert opening.seconds(2**63 * 1000) == 253_402_300_799


def _state(path: Path) -> opening.State:
    with path.open("rb") as file:
        return opening.state(file.fileno())


def test_no_descriptor_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for parts in (("a", "missing"), ("missing", "x"), ("a",), ("a", "b", "c")):
        with pytest.raises(Unknown):
            _read(tmp_path, *parts)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_fault_of_the_file_system_is_the_providers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with opening.directory(tmp_path) as parent:
        monkeypatch.setattr(os, "open", _broken_disk)
        with pytest.raises(Unreachable, match="data_source"):
            opening.regular_file("file", parent)


def _broken_disk(*_: object, **__: object) -> int:
    raise OSError(errno.EIO, "broken")
