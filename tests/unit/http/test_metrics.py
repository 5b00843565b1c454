from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from connector.http.metrics import Depths, Metrics, add_metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_every_figure_is_counted() -> None:
    metrics = Metrics()
    metrics.answered("public", "GET", "/a/{b}", 200)
    metrics.sent("ContractRequestMessage", "acknowledged")
    metrics.received("TransferStartMessage")
    metrics.committed(0.002)
    metrics.served(1500)
    metrics.served(500)
    labels = {"listener": "public", "method": "GET", "route": "/a/{b}", "status": "200"}
    assert value(metrics, "connector_requests_total", **labels) == 1
    assert value(metrics, "connector_messages_sent_total", type="ContractRequestMessage", outcome="acknowledged") == 1
    assert value(metrics, "connector_messages_received_total", type="TransferStartMessage") == 1
    assert value(metrics, "connector_store_commit_seconds_sum") == pytest.approx(0.002)
    assert value(metrics, "connector_store_commit_seconds_bucket", le="0.0025") == 1
    assert value(metrics, "connector_data_served_bytes_total") == 2000


def test_a_client_invents_no_labels() -> None:
    metrics = Metrics()
    for number in range(50):
        metrics.received(f"Message{number}")
        metrics.sent(f"Message{number}", "refused")
        metrics.answered("public", f"VERB{number}", "unmatched", 405)
    assert value(metrics, "connector_messages_received_total", type="other") == 50
    assert metrics.render(None).count(b"connector_requests_total{") == 1


def test_two_connectors_in_one_process_count_apart() -> None:
    first, second = Metrics(), Metrics()
    first.served(1)
    assert value(second, "connector_data_served_bytes_total") == 0


async def test_depths_are_counted_when_asked() -> None:
    depths: list[Depths | None] = [Depths(outbox=3, stalled=2), None]

    async def count() -> Depths | None:
        return depths.pop(0)

    app = web.Application()
    add_metrics(app, Metrics(), count)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/metrics")
        text = await answer.text()
        assert answer.content_type == "text/plain"
        assert "connector_outbox_messages 3.0" in text
        assert "connector_stalled_processes 2.0" in text
        assert "process_resident_memory_bytes" in text
        assert "connector_outbox_messages NaN" in await (await client.get("/metrics")).text()
