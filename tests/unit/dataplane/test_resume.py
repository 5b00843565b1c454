"""Downloads that break, change, lie and end: against a provider in memory, into real files."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.dataplane import resume
from connector.dataplane.representation import repr_digest
from connector.dataplane.resume import Download, Headers, Response
from connector.errors import LocalError

CONTENT = os.urandom(1_000_000)


class _Answer:
    """A response that gives `content` and breaks after `breaks_at` bytes."""

    def __init__(
        self, status: int, headers: dict[str, str], content: bytes, breaks_at: int | None, *, silently: bool
    ) -> None:
        self.status = status
        self.headers: Headers = headers
        self._content = content if breaks_at is None else content[:breaks_at]
        self._raises = breaks_at is not None and not silently
        self.closed = False

    def read(self, amount: int, /) -> bytes:
        piece, self._content = self._content[:amount], self._content[amount:]
        if not piece and self._raises:
            raise ConnectionResetError
        return piece

    def close(self) -> None:
        self.closed = True


class _Provider:
    """Serves one content with ranges; breaks each answer at the next of `breaks`."""

    def __init__(self, content: bytes = CONTENT, etag: str | None = '"v1"', *, digest: bool = True) -> None:
        self.content = content
        self.etag = etag
        self.digest = digest
        self.breaks: list[int] = []
        self.silently = False
        self.length = True
        self.extra: dict[str, str] = {}
        self.asked: list[tuple[int, str | None]] = []
        self.answers: list[_Answer] = []

    def open_range(self, start: int, etag: str | None) -> Response:
        self.asked.append((start, etag))
        headers = dict(self.extra)
        if self.etag is not None:
            headers["ETag"] = self.etag
        if self.digest:
            headers.setdefault("Repr-Digest", repr_digest(hashlib.sha256(self.content).digest()))
        status, content, size = 200, self.content, len(self.content)
        if start > 0 and etag is not None and etag == self.etag:
            status, content = (206, self.content[start:]) if start < size else (416, b"")
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}" if start < size else f"bytes */{size}"
        if self.length:
            headers["Content-Length"] = str(len(content))
        answer = _Answer(status, headers, content, self.breaks.pop(0) if self.breaks else None, silently=self.silently)
        self.answers.append(answer)
        return answer


def _download(provider: _Provider, target: Path, *, pauses: list[float] | None = None) -> Download:
    pause: Callable[[float], None] = (pauses if pauses is not None else []).append
    return resume.download(provider.open_range, target, pause=pause)


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_i9_a_whole_download_is_verified(tmp_path: Path) -> None:
    provider = _Provider()
    done = _download(provider, tmp_path / "data")
    assert done == Download(tmp_path / "data", len(CONTENT), 0, hashlib.sha256(CONTENT).hexdigest(), verified=True)
    assert (tmp_path / "data").read_bytes() == CONTENT
    assert _left(tmp_path) == ["data"]
    assert provider.asked == [(0, None)]
    assert all(answer.closed for answer in provider.answers)


@pytest.mark.parametrize("silently", [True, False])
def test_i9_a_broken_download_goes_on_where_it_stopped(tmp_path: Path, silently: bool) -> None:  # noqa: FBT001
    provider = _Provider()
    provider.silently = silently
    provider.breaks = [400_000, 300_000, 0]
    pauses: list[float] = []
    done = _download(provider, tmp_path / "data", pauses=pauses)
    assert (tmp_path / "data").read_bytes() == CONTENT
    assert provider.asked == [(0, None), (400_000, '"v1"'), (700_000, '"v1"'), (700_000, '"v1"')]
    assert done.verified
    assert pauses == [1.0, 1.0, 2.0]


def test_i9_a_later_call_goes_on_where_the_first_gave_up(tmp_path: Path) -> None:
    provider = _Provider()
    provider.breaks = [400_000, 0, 0, 0, 0, 0]
    with pytest.raises(LocalError, match="download_broken") as caught:
        _download(provider, tmp_path / "data")
    assert caught.value.values == {"done": 400_000}
    assert _left(tmp_path) == ["data.part", "data.part.etag"]
    done = _download(provider, tmp_path / "data")
    assert (done.resumed_at, done.verified) == (400_000, True)
    assert provider.asked[-1] == (400_000, '"v1"')
    assert (tmp_path / "data").read_bytes() == CONTENT
    assert _left(tmp_path) == ["data"]


def test_i9_a_content_that_changed_meanwhile_is_fetched_anew(tmp_path: Path) -> None:
    provider = _Provider()
    provider.breaks = [400_000, *[0] * 5]
    with pytest.raises(LocalError):
        _download(provider, tmp_path / "data")
    changed = _Provider(os.urandom(500_000), '"v2"')
    done = _download(changed, tmp_path / "data")
    assert (done.resumed_at, done.size) == (0, 500_000)
    assert (tmp_path / "data").read_bytes() == changed.content


def test_i9_a_finished_part_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "data.part").write_bytes(CONTENT)
    (tmp_path / "data.part.etag").write_text('"v1"')
    done = _download(_Provider(), tmp_path / "data")
    assert (done.size, done.resumed_at) == (len(CONTENT), len(CONTENT))
    assert (tmp_path / "data").read_bytes() == CONTENT


def test_i9_a_part_that_is_too_long_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "data.part").write_bytes(CONTENT + b"more")
    (tmp_path / "data.part.etag").write_text('"v1"')
    provider = _Provider()
    done = _download(provider, tmp_path / "data")
    assert [start for start, _ in provider.asked] == [len(CONTENT) + 4, 0]
    assert (done.resumed_at, (tmp_path / "data").read_bytes()) == (0, CONTENT)


@pytest.mark.parametrize("etag", ["", "nonsense", 'W/"v1"', '"v1"\r\nX: y', "\xff"])
def test_a_part_of_unknown_content_is_not_used(tmp_path: Path, etag: str) -> None:
    (tmp_path / "data.part").write_bytes(b"old")
    (tmp_path / "data.part.etag").write_bytes(etag.encode("latin-1"))
    provider = _Provider()
    _download(provider, tmp_path / "data")
    assert provider.asked == [(0, None)]
    assert (tmp_path / "data").read_bytes() == CONTENT


@pytest.mark.parametrize("etag", [None, 'W/"v1"'])
def test_without_a_strong_tag_a_broken_download_starts_again(tmp_path: Path, etag: str | None) -> None:
    provider = _Provider(etag=etag)
    provider.breaks = [400_000]
    done = _download(provider, tmp_path / "data")
    assert [tag for _, tag in provider.asked] == [None, None]
    assert (tmp_path / "data").read_bytes() == CONTENT
    assert done.resumed_at == 0


def test_i9_a_wrong_digest_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"the old one stays")
    provider = _Provider()
    provider.extra = {"Repr-Digest": repr_digest(bytes(32))}
    with pytest.raises(LocalError, match="download_digest"):
        _download(provider, tmp_path / "data")
    assert (tmp_path / "data").read_bytes() == b"the old one stays"
    assert _left(tmp_path) == ["data"]


def test_i9_corruption_in_the_resumed_part_is_found(tmp_path: Path) -> None:
    (tmp_path / "data.part").write_bytes(b"x" * 400_000)
    (tmp_path / "data.part.etag").write_text('"v1"')
    with pytest.raises(LocalError, match="download_digest"):
        _download(_Provider(), tmp_path / "data")
    assert _download(_Provider(), tmp_path / "data").resumed_at == 0


def test_more_bytes_than_announced_are_refused(tmp_path: Path) -> None:
    provider = _Provider()
    provider.length = False
    provider.extra = {"Content-Length": "10"}
    with pytest.raises(LocalError, match="download_length"):
        _download(provider, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_length_that_is_not_told_ends_with_the_answer(tmp_path: Path) -> None:
    provider = _Provider(digest=False)
    provider.length = False
    done = _download(provider, tmp_path / "data")
    assert (done.size, done.verified) == (len(CONTENT), False)


def test_an_unwanted_coding_is_refused(tmp_path: Path) -> None:
    provider = _Provider()
    provider.extra = {"Content-Encoding": "gzip"}
    with pytest.raises(LocalError, match="download_encoded"):
        _download(provider, tmp_path / "data")
    assert all(answer.closed for answer in provider.answers)


@pytest.mark.parametrize("status", [204, 206, 304, 416])
def test_an_answer_that_does_not_fit_is_refused(tmp_path: Path, status: int) -> None:
    def odd(_start: int, _etag: str | None) -> Response:
        return _Answer(status, {}, b"x", None, silently=False)

    with pytest.raises(LocalError, match="download_answer") as caught:
        resume.download(odd, tmp_path / "data", pause=lambda _: None)
    assert caught.value.values == {"status": status}


def test_a_piece_from_another_place_is_never_joined(tmp_path: Path) -> None:
    (tmp_path / "data.part").write_bytes(CONTENT[:400_000])
    (tmp_path / "data.part.etag").write_text('"v1"')
    provider = _Provider()

    def shifted(start: int, etag: str | None) -> Response:
        return provider.open_range(start - 5 if start else 0, etag)

    resume.download(shifted, tmp_path / "data", pause=lambda _: None)
    assert (tmp_path / "data").read_bytes() == CONTENT


def test_no_connection_is_tried_again_with_growing_pauses(tmp_path: Path) -> None:
    def nobody(_start: int, _etag: str | None) -> Response:
        raise ConnectionRefusedError

    pauses: list[float] = []
    with pytest.raises(LocalError, match="download_broken"):
        resume.download(nobody, tmp_path / "data", pause=pauses.append, attempts=7)
    assert pauses == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_two_downloads_of_one_file_do_not_mix(tmp_path: Path) -> None:
    provider = _Provider()

    def within(start: int, etag: str | None) -> Response:
        with pytest.raises(LocalError, match="download_busy"):
            _download(_Provider(), tmp_path / "data")
        return provider.open_range(start, etag)

    resume.download(within, tmp_path / "data", pause=lambda _: None)
    assert (tmp_path / "data").read_bytes() == CONTENT


def test_a_part_that_is_a_symlink_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "data.part").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic"):
        _download(_Provider(), tmp_path / "data")
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_progress_is_told(tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    provider = _Provider()
    resume.download(
        provider.open_range, tmp_path / "data", pause=lambda _: None, progress=lambda *step: seen.append(step)
    )
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert sorted(seen) == seen


def test_a_download_that_is_refused_leaves_nothing(tmp_path: Path) -> None:
    def refuse(_start: int, _etag: str | None) -> Response:
        raise LocalError("refused")

    with pytest.raises(LocalError, match="refused"):
        resume.download(refuse, tmp_path / "copy", pause=lambda _seconds: None)
    assert _left(tmp_path) == []


def test_a_few_bytes_of_a_broken_download_are_kept(tmp_path: Path) -> None:
    provider = _Provider()
    provider.breaks = [10] + [0] * resume.ATTEMPTS
    with pytest.raises(LocalError, match="download_broken"):
        _download(provider, tmp_path / "copy")
    assert (tmp_path / "copy.part").read_bytes() == CONTENT[:10]


def test_an_empty_content_is_a_download_too(tmp_path: Path) -> None:
    done = _download(_Provider(b""), tmp_path / "data")
    assert (done.size, (tmp_path / "data").read_bytes()) == (0, b"")


def test_range_headers_ask_for_plain_bytes_and_the_digest() -> None:
    assert resume.range_headers(0, None) == {"Accept-Encoding": "identity", "Want-Repr-Digest": "sha-256=10"}
    headers = resume.range_headers(5, '"v1"')
    assert (headers["Range"], headers["If-Range"]) == ("bytes=5-", '"v1"')


def test_the_command_line_can_import_it_cheaply() -> None:
    code = "import sys, connector.dataplane.resume; print(*(set(sys.modules) & {'aiohttp', 'asyncio', 'yarl', 'pydantic'}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


@pytest.mark.parametrize("header", ["sha-256=:" + "=" * 44 + ":", "sha-256=:short:", "sha-512=:x:", "nonsense"])
def test_a_digest_that_cannot_be_read_verifies_nothing(tmp_path: Path, header: str) -> None:
    provider = _Provider()
    provider.extra = {"Repr-Digest": header}
    assert not _download(provider, tmp_path / "data").verified


@pytest.mark.parametrize("missing", [True, False])
def test_a_part_that_was_just_renamed_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, missing: bool
) -> None:
    part = tmp_path / "data.part"

    def finished_meanwhile(*_: object) -> None:
        part.rename(tmp_path / "data")
        if not missing:
            part.write_bytes(b"")

    monkeypatch.setattr("connector.dataplane.resume.fcntl.flock", finished_meanwhile)
    with pytest.raises(LocalError, match="download_busy"):
        _download(_Provider(), tmp_path / "data")
