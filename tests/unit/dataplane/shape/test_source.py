"""Shaped sources: what is served, under which name, and that nothing else ever is."""

from __future__ import annotations

import gzip
import hashlib
import logging
import resource
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connector.dataplane.digests import Digests
from connector.dataplane.directory import DirectorySource
from connector.dataplane.file import FileSource
from connector.dataplane.ports import BytesContent, Content, Read, StreamContent
from connector.dataplane.shape import source
from connector.dataplane.shape.declared import Declaration
from connector.dataplane.shape.recipe import Fields, Period, Recipe
from connector.dataplane.shape.source import ShapedSource
from connector.errors import Denied, Unreachable

HEAD = b"time,level\n"
ROWS = HEAD + b"2026-08-14T05:10,1\n2026-08-14T05:20,2\n"
MEANS = HEAD + b"2026-08-14T05:00:00,1.5\n"


def _recipe(period: Period | None = "hour", fields: Fields | None = None) -> Recipe:
    return Recipe(period, fields or Fields(), Declaration(time=("time",)))


class _Api:
    """A source that answers as an API does, with any pieces and headers."""

    def __init__(self, pieces: Iterator[bytes], **headers: str) -> None:
        self.pieces = pieces
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.status = 200
        self.asked: list[Read] = []

    @asynccontextmanager
    async def open(self, read: Read) -> AsyncIterator[Content]:
        self.asked.append(read)
        yield StreamContent(self.status, self.headers, self._chunks())

    async def _chunks(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


async def _whole(content: Content) -> bytes:
    if isinstance(content, StreamContent):
        return b"".join([chunk async for chunk in content.chunks])
    assert isinstance(content, BytesContent)
    return content.data


def _file(folder: Path, data: bytes = ROWS, name: str = "levels.csv") -> FileSource:
    (folder / name).write_bytes(data)
    return FileSource(folder / name, Digests())


async def test_a_small_result_has_its_own_length_digest_and_entity_tag(tmp_path: Path) -> None:
    plain = _file(tmp_path)
    async with plain.open(Read()) as raw, ShapedSource(plain, _recipe()).open(Read()) as content:
        assert isinstance(raw, BytesContent)
        assert isinstance(content, BytesContent)
        what = content.representation
        assert content.data == MEANS
        assert (what.size, what.media_type) == (len(MEANS), "text/csv")
        assert what.sha256 == hashlib.sha256(MEANS).digest()
        assert what.etag not in ("", raw.representation.etag)
        first = what.etag
    async with ShapedSource(plain, _recipe("day")).open(Read()) as content:
        assert isinstance(content, BytesContent)
        assert content.representation.etag != first


async def test_the_source_is_asked_for_the_whole_unpacked_whatever_the_reader_asks() -> None:
    api = _Api(iter([ROWS]), Content_Type="text/csv", ETag='"raw"', Content_Length=str(len(ROWS)), Repr_Digest="x")
    headers = {"range": "bytes=0-5", "if-none-match": '"raw"', "accept-encoding": "gzip", "accept": "text/csv"}
    async with ShapedSource(api, _recipe()).open(Read("HEAD", "/a", "b=1", headers)) as content:
        assert await _whole(content) == MEANS
    assert api.asked == [Read("GET", "/a", "b=1", {"accept": "text/csv"})]


async def test_a_large_result_streams_without_a_length_and_takes_no_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "WHOLE_BYTES", 20)
    headers = {"Content_Type": "text/csv; charset=utf-8", "ETag": '"raw"', "Content_Length": str(len(ROWS))}
    async with ShapedSource(_Api(iter([ROWS]), **headers), _recipe()).open(Read()) as content:
        assert isinstance(content, StreamContent)
        assert sorted(content.headers) == ["Accept-Ranges", "Content-Type", "ETag"]
        assert content.headers["Accept-Ranges"] == "none"
        assert await _whole(content) == MEANS
        tag = content.headers["ETag"]
    again = Read(headers={"if-none-match": tag})
    async with ShapedSource(_Api(iter([ROWS]), **headers), _recipe()).open(again) as content:
        assert isinstance(content, StreamContent)
        assert (content.status, content.headers) == (304, {"ETag": tag})


@pytest.mark.parametrize(
    ("name", "data"),
    [("levels.txt", ROWS), ("levels.xlsx", b"PK"), ("levels.geojson", b"{}"), ("levels", ROWS)],
)
async def test_data_of_another_kind_is_denied(tmp_path: Path, name: str, data: bytes) -> None:
    with pytest.raises(Denied, match="shape_media_type"):
        async with ShapedSource(_file(tmp_path, data, name), _recipe()).open(Read()):
            pytest.fail("served")


async def test_another_character_set_is_denied() -> None:
    api = _Api(iter([ROWS]), Content_Type="text/csv; charset=iso-8859-1")
    with pytest.raises(Denied, match="shape_media_type"):
        async with ShapedSource(api, _recipe()).open(Read()):
            pytest.fail("served")


@pytest.mark.parametrize(("status", "coding"), [(200, "gzip"), (204, "identity"), (206, "identity"), (304, "identity")])
async def test_a_piece_or_packed_data_is_not_shaped(status: int, coding: str) -> None:
    api = _Api(iter([gzip.compress(ROWS)]), Content_Type="text/csv", Content_Encoding=coding)
    api.status = status
    with pytest.raises(Unreachable, match="data_source"):
        async with ShapedSource(api, _recipe()).open(Read()):
            pytest.fail("served")


async def test_the_packed_neighbour_of_a_file_is_left_aside(tmp_path: Path) -> None:
    plain = _file(tmp_path)
    (tmp_path / "levels.csv.gz").write_bytes(gzip.compress(b"other"))
    async with ShapedSource(plain, _recipe()).open(Read(headers={"accept-encoding": "gzip"})) as content:
        assert await _whole(content) == MEANS


async def test_a_folder_is_shaped_file_by_file_and_its_listing_is_not_served(tmp_path: Path) -> None:
    _file(tmp_path)
    folder = ShapedSource(DirectorySource(tmp_path, Digests()), _recipe())
    async with folder.open(Read(path="/levels.csv")) as content:
        assert await _whole(content) == MEANS
    with pytest.raises(Unreachable, match="data_shape"):
        async with folder.open(Read()):
            pytest.fail("served")


async def test_a_wrong_row_serves_nothing_and_tells_the_owner_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = _file(tmp_path, ROWS + b"2026-08-14T05:30,secret\n")
    with caplog.at_level(logging.ERROR), pytest.raises(Unreachable, match="data_shape") as raised:
        async with ShapedSource(wrong, _recipe()).open(Read()):
            pytest.fail("served")
    assert raised.value.values == {}
    assert "code=shape_number row=3 column=level" in caplog.text
    assert "secret" not in caplog.text


async def test_a_wrong_row_late_in_a_stream_breaks_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "WHOLE_BYTES", 1)
    api = _Api(iter([ROWS, b"2026-08-14T05:30\n"]), Content_Type="text/csv")
    async with ShapedSource(api, _recipe(None)).open(Read()) as content:
        with pytest.raises(Unreachable, match="data_shape"):
            await _whole(content)


async def test_a_file_that_changes_while_it_is_shaped_breaks_off(tmp_path: Path) -> None:
    path = tmp_path / "levels.csv"
    plain = _file(tmp_path, HEAD + b"2026-08-14T05:10,1\n" * 100_000)
    async with ShapedSource(plain, _recipe(None)).open(Read()) as content:
        with path.open("ab") as file:
            file.write(b"2026-08-14T05:10,1\n")
        with pytest.raises(Unreachable, match="data_source"):
            await _whole(content)


def _days(megabytes: int) -> Iterator[bytes]:
    """Give a stream of readings every ten seconds of ten sensors, at least so large, without ever holding it."""
    yield b"time,sensor,level,note\n"
    made, hour = 0, 0
    while made < megabytes * 1024 * 1024:
        day, clock = divmod(hour, 24)
        stamp = f"{2000 + day // 336}-{day % 336 // 28 + 1:02}-{day % 28 + 1:02}T{clock:02}"
        steps = [f"{stamp}:{minute:02}:{second:02}" for minute in range(60) for second in range(0, 60, 10)]
        piece = "".join(f"{step},s{n},{n}.{step[-2:]},bla bla\n" for step in steps for n in range(10)).encode()
        made, hour = made + len(piece), hour + 1
        yield piece


async def _counted(content: Content) -> int:
    assert isinstance(content, StreamContent | BytesContent)
    if isinstance(content, BytesContent):
        return len(content.data)
    return sum([len(chunk) async for chunk in content.chunks])


@pytest.mark.parametrize("megabytes", [8, pytest.param(220, marks=pytest.mark.slow)])
@pytest.mark.parametrize("period", ["hour", None])
async def test_memory_does_not_grow_with_the_stream(megabytes: int, period: Period | None) -> None:
    declared = Declaration(time=("time",), keys=("sensor",), values=("level",))
    wanted = Recipe(period, Fields(only=frozenset({"time", "sensor", "level"})), declared)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with ShapedSource(_Api(_days(megabytes), Content_Type="text/csv"), wanted).open(Read()) as content:
        served = await _counted(content)
    assert served > megabytes * (1_000 if period else 600_000)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 24 * 1024 * 1024


async def test_no_more_than_a_few_pieces_are_held() -> None:
    wanted = Recipe(None, Fields(only=frozenset({"time", "sensor"})), Declaration())
    pieces = list(_days(3))
    tracemalloc.start()
    async with ShapedSource(_Api(iter(pieces), Content_Type="text/csv"), wanted).open(Read()) as content:
        await _counted(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < source.WHOLE_BYTES + 24 * source.PIECE_BYTES
