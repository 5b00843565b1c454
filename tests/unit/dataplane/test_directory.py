from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from connector.dataplane import directory, stored
from connector.dataplane.digests import Digests
from connector.dataplane.directory import DirectorySource
from connector.dataplane.ports import BytesContent, FileContent, Read
from connector.errors import BadMessage, Unknown, Unreachable


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "2026" / "july").mkdir(parents=True)
    (root / "2026" / "levels.csv").write_bytes(b"data")
    (root / "a.json").write_bytes(b"{}")
    (root / ".hidden").write_bytes(b"x")
    (root / "link").symlink_to("/etc/passwd")
    os.mkfifo(root / "pipe")
    os.utime(root / "a.json", (1_700_000_000, 1_700_000_000))
    (root / os.fsdecode(b"bad\xff")).write_bytes(b"x")
    return root


async def _listing(root: Path, path: str, query: str = "") -> Any:
    async with DirectorySource(root, Digests()).open(Read(path=path, query=query)) as content:
        assert isinstance(content, BytesContent)
        assert content.representation.media_type == "application/json"
        return json.loads(content.data)


async def test_a_listing_shows_what_can_be_read_and_nothing_else(tree: Path) -> None:
    listing = await _listing(tree, "")
    assert [item["name"] for item in listing["items"]] == ["2026", "a.json"]
    assert listing["items"][1] == {
        "name": "a.json",
        "size": 2,
        "modified": "2023-11-14T22:13:20.000Z",
        "type": "file",
    }
    assert listing["items"][0]["type"] == "directory"
    assert "size" not in listing["items"][0]
    assert listing["next"] is None


async def test_directories_are_listed_with_or_without_a_slash(tree: Path) -> None:
    assert await _listing(tree, "/2026") == await _listing(tree, "/2026/")
    assert (await _listing(tree, "/2026/july"))["items"] == []


async def test_files_are_found_by_their_path(tree: Path) -> None:
    async with DirectorySource(tree, Digests()).open(Read(path="/2026/levels.csv")) as content:
        assert isinstance(content, BytesContent)
        assert (content.data, content.representation.media_type) == (b"data", "text/csv")
    (tree / "large.bin").write_bytes(b"x" * (stored.SMALL_BYTES + 1))
    async with DirectorySource(tree, Digests()).open(Read(path="/large.bin")) as content:
        assert isinstance(content, FileContent)
    assert content.file.closed


@pytest.mark.parametrize(
    "path", ["/missing", "/2026/missing.csv", "/link", "/pipe", "/a.json/", "/a.json/x", "/bad%3F"]
)
async def test_a2_32_what_is_not_shown_is_not_there(tree: Path, path: str) -> None:
    with pytest.raises(Unknown, match="data_unknown"):
        async with DirectorySource(tree, Digests()).open(Read(path=path)):
            pytest.fail("opened")


@pytest.mark.parametrize("path", ["/.hidden", "/2026/../.hidden", "/%2e%2e/x", "/2026%2flevels.csv"])
async def test_a2_32_unsafe_paths_are_refused(tree: Path, path: str) -> None:
    with pytest.raises(BadMessage, match="data_path"):
        async with DirectorySource(tree, Digests()).open(Read(path=path)):
            pytest.fail("opened")


async def test_a_root_that_is_gone_is_the_providers_fault(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="data_source"):
        await _listing(tmp_path / "gone", "")


async def test_a_long_listing_comes_in_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "PAGE_ITEMS", 2)
    for name in "dbcae":
        (tmp_path / name).write_bytes(b"")
    names, after = [], ""
    for _ in range(3):
        page = await _listing(tmp_path, "", f"after={after}")
        names.append([item["name"] for item in page["items"]])
        after = page["next"]
    assert names == [["a", "b"], ["c", "d"], ["e"]]
    assert after is None


@pytest.mark.parametrize("query", ["after=%ff", "&".join(f"a{n}=1" for n in range(20))])
async def test_a_hostile_query_is_refused(tmp_path: Path, query: str) -> None:
    with pytest.raises(BadMessage, match="data_query"):
        await _listing(tmp_path, "", query)


async def test_a_listing_that_is_the_same_has_the_same_entity_tag(tree: Path) -> None:
    source = DirectorySource(tree, Digests())
    async with source.open(Read()) as first, source.open(Read()) as second:
        assert first.representation == second.representation  # type: ignore[union-attr]
    (tree / "new").write_bytes(b"")
    async with source.open(Read()) as third:
        assert third.representation.etag != first.representation.etag  # type: ignore[union-attr]
