from __future__ import annotations

import hashlib
import os
from io import FileIO
from pathlib import Path

import pytest

from connector.dataplane import file, opening, stored
from connector.dataplane.digests import Digests
from connector.dataplane.file import FileSource
from connector.dataplane.ports import BytesContent, FileContent, Read
from connector.errors import BadMessage, Unknown, Unreachable


async def test_a_small_file_is_held_with_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "levels.csv"
    path.write_bytes(b"data")
    async with FileSource(path, Digests()).open(Read()) as content:
        assert isinstance(content, BytesContent)
        assert content.data == b"data"
        what = content.representation
    assert (what.size, what.media_type, what.encoding) == (4, "text/csv", None)
    assert what.sha256 == hashlib.sha256(b"data").digest()
    assert what.modified == pytest.approx(path.stat().st_mtime)


async def test_a_large_file_is_opened_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "levels.bin"
    path.write_bytes(b"x" * (stored.SMALL_BYTES + 1))
    async with FileSource(path, Digests()).open(Read()) as content:
        assert isinstance(content, FileContent)
        assert content.file.read() == path.read_bytes()
        assert content.representation.sha256 is None
        assert content.representation.media_type == "application/octet-stream"
    assert content.file.closed


async def test_the_file_is_at_the_empty_path_and_at_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "nivåer.csv"
    path.write_bytes(b"data")
    source = FileSource(path, Digests())
    for asked in ("", "/", "/niv%C3%A5er.csv"):
        async with source.open(Read(path=asked)) as content:
            assert content.representation.size == 4  # type: ignore[union-attr]
    for asked, error in (("/other.csv", Unknown), ("/a/niv%C3%A5er.csv", Unknown), ("/../x", BadMessage)):
        with pytest.raises(error):
            async with source.open(Read(path=asked)):
                pytest.fail("opened")


async def test_a_file_that_is_gone_is_the_providers_fault(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to("/etc/passwd")
    for path in (tmp_path / "gone.csv", tmp_path / "gone" / "x.csv", tmp_path / "link.csv", tmp_path):
        with pytest.raises(Unreachable, match="data_source"):
            async with FileSource(path, Digests()).open(Read()):
                pytest.fail("opened")


async def test_an_older_packed_neighbour_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "levels.csv"
    path.write_bytes(b"new")
    packed = tmp_path / "levels.csv.gz"
    packed.write_bytes(b"old")
    os.utime(packed, (1, 1))
    read = Read(headers={"accept-encoding": "gzip"})
    async with FileSource(path, Digests()).open(read) as content:
        assert isinstance(content, BytesContent)
        assert (content.data, content.representation.varies) == (b"new", False)
    os.utime(packed)
    async with FileSource(path, Digests()).open(read) as content:
        assert isinstance(content, BytesContent)
        assert (content.data, content.representation.encoding) == (b"old", "gzip")
    async with FileSource(path, Digests()).open(Read()) as content:
        assert isinstance(content, BytesContent)
        assert (content.data, content.representation.varies) == (b"new", True)


async def test_a_packed_neighbour_that_is_a_symlink_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "levels.csv"
    path.write_bytes(b"new")
    (tmp_path / "levels.csv.gz").symlink_to("/etc/passwd")
    async with FileSource(path, Digests()).open(Read(headers={"accept-encoding": "gzip"})) as content:
        assert isinstance(content, BytesContent)
        assert content.data == b"new"


async def test_the_digest_of_publishing_counts_while_the_file_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "levels.bin"
    path.write_bytes(b"x" * 100_000)
    spec = await file.measured({"kind": "file", "path": str(path)})
    digests = Digests()
    file.recall(spec, digests)
    async with FileSource(path, digests).open(Read()) as content:
        assert content.representation.sha256 == hashlib.sha256(b"x" * 100_000).digest()  # type: ignore[union-attr]
    path.write_bytes(b"y" * 100_000)
    async with FileSource(path, digests).open(Read()) as content:
        assert content.representation.sha256 is None  # type: ignore[union-attr]
    assert (await file.measured(spec))["digest"] != spec["digest"]


async def test_other_kinds_are_not_measured() -> None:
    assert await file.measured({"kind": "http", "url": "u"}) == {"kind": "http", "url": "u"}
    file.recall({"kind": "http", "url": "u"}, Digests())


async def test_a_wanted_digest_is_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "levels.bin"
    path.write_bytes(b"x" * 100_000)
    wanted = Read(headers={"want-repr-digest": "sha-256=10, md5=1"})
    async with FileSource(path, Digests()).open(wanted) as content:
        assert content.representation.sha256 == hashlib.sha256(b"x" * 100_000).digest()  # type: ignore[union-attr]
    monkeypatch.setattr(stored, "WANTED_BYTES", 1000)
    async with FileSource(path, Digests()).open(wanted) as content:
        assert content.representation.sha256 is None  # type: ignore[union-attr]


def test_only_the_last_digests_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.dataplane.digests._MOST_KEPT", 2)
    digests = Digests()
    for tag in ("a", "b"):
        digests.remember(tag, tag.encode())
    assert digests.known("a") == b"a"
    digests.remember("c", b"c")
    assert (digests.known("a"), digests.known("b"), digests.known("c")) == (b"a", None, b"c")


def test_a_file_that_changes_while_it_is_hashed_has_no_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "levels.bin"
    path.write_bytes(b"x" * 100)
    read = os.pread

    def meddled(descriptor: int, count: int, offset: int) -> bytes:
        path.write_bytes(b"y" * 200)
        return read(descriptor, count, offset)

    monkeypatch.setattr(os, "pread", meddled)
    with path.open("rb") as opened:
        assert Digests().of_file(opened.fileno()) is None


async def test_a_small_file_that_never_stands_still_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "levels.csv"
    path.write_bytes(b"x")
    monkeypatch.setattr(os, "pread", lambda *_: b"torn")
    with pytest.raises(Unreachable, match="data_source"):
        async with FileSource(path, Digests()).open(Read()):
            pytest.fail("opened")


async def test_a_digest_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "levels.bin"
    path.write_bytes(b"x" * 100_000)
    digests, wanted = Digests(), Read(headers={"want-repr-digest": "sha-256=10"})
    async with FileSource(path, digests).open(wanted):
        monkeypatch.setattr("connector.dataplane.digests._read_through", lambda _: pytest.fail("read again"))
    async with FileSource(path, digests).open(wanted) as content:
        assert content.representation.sha256 is not None  # type: ignore[union-attr]


async def test_a_failing_neighbour_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "levels.csv"
    path.write_bytes(b"x")
    opened, real = [], opening.regular_file

    def failing(name: str, parent: int) -> FileIO:
        if name.endswith(".gz"):
            raise Unreachable("data_source")
        opened.append(real(name, parent))
        return opened[-1]

    monkeypatch.setattr(opening, "regular_file", failing)
    with pytest.raises(Unreachable):
        async with FileSource(path, Digests()).open(Read()):
            pytest.fail("opened")
    assert [file.closed for file in opened] == [True]
