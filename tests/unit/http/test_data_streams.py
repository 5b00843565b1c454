from __future__ import annotations

import asyncio
import logging
from unittest.mock import Mock

import pytest

from connector.http.streams import StreamCut, Streams


def _transport() -> asyncio.Transport:
    return Mock(spec=asyncio.Transport)


async def test_a_cut_ends_only_the_streams_with_its_key() -> None:
    streams = Streams()
    other = asyncio.create_task(_wait(streams, "other"))
    ours = [asyncio.create_task(_wait(streams, "ours")) for _ in range(2)]
    await asyncio.sleep(0)
    assert len(streams) == 3
    assert streams.cut(["ours", "unknown"]) == 2
    results = await asyncio.gather(*ours, return_exceptions=True)
    assert [type(result) for result in results] == [StreamCut, StreamCut]
    assert len(streams) == 1
    assert streams.cut(["ours"]) == 0
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other
    assert len(streams) == 0


async def test_a_lost_connection_never_begins() -> None:
    with pytest.raises(StreamCut):
        async with Streams().running("key", None):
            pytest.fail("no connection")


async def test_a_stop_of_the_server_that_meets_a_cut_is_not_swallowed() -> None:
    streams = Streams()
    task = asyncio.create_task(_wait(streams, "ours"))
    await asyncio.sleep(0)
    task.cancel()
    streams.cut(["ours"])
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_stream_is_asked_again_and_again() -> None:
    answers = [True, True, False]

    async def permitted() -> bool:
        return answers.pop(0)

    transport = _transport()
    with pytest.raises(StreamCut):
        async with asyncio.timeout(2), Streams(watch_seconds=0.01).running("key", transport, permitted):
            await asyncio.Event().wait()
    assert answers == []
    transport.abort.assert_called_once_with()  # type: ignore[attr-defined]


async def test_what_cannot_be_checked_ends(caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> bool:
        raise OSError

    with caplog.at_level(logging.CRITICAL), pytest.raises(StreamCut):
        async with asyncio.timeout(2), Streams(watch_seconds=0.01).running("key", _transport(), broken):
            await asyncio.Event().wait()


async def test_a_short_stream_is_never_asked() -> None:
    async def never() -> bool:
        pytest.fail("asked")

    async with Streams(watch_seconds=0.01).running("key", _transport(), never) as running:
        running.sent = 1
    await asyncio.sleep(0.03)


async def _wait(streams: Streams, key: str) -> None:
    async with streams.running(key, _transport()):
        await asyncio.Event().wait()
