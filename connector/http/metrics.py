"""Figures for the operator's monitoring (Prometheus), served on the private listener only.

The rooms below do not import this file: `connector.app` hands them the methods of one `Metrics`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_MESSAGES: Final = frozenset(
    {
        "CatalogRequestMessage",
        "ContractRequestMessage",
        "ContractOfferMessage",
        "ContractAgreementMessage",
        "ContractAgreementVerificationMessage",
        "ContractNegotiationEventMessage",
        "ContractNegotiationTerminationMessage",
        "TransferRequestMessage",
        "TransferStartMessage",
        "TransferCompletionMessage",
        "TransferSuspensionMessage",
        "TransferTerminationMessage",
    }
)
_COMMIT_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


@dataclass(frozen=True, slots=True)
class Depths:
    """What is counted when somebody asks: messages that wait in the outbox, and processes that are stalled."""

    outbox: int
    stalled: int


class Metrics:
    """All figures of one connector, in a registry of their own. Every label takes its values from a short list."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "connector_requests",
            "Requests answered, by route template.",
            ["listener", "method", "route", "status"],
            registry=self.registry,
        )
        self._sent = Counter(
            "connector_messages_sent", "Messages sent to peers.", ["type", "outcome"], registry=self.registry
        )
        self._received = Counter(
            "connector_messages_received", "Messages received from peers.", ["type"], registry=self.registry
        )
        self._commits = Histogram(
            "connector_store_commit_seconds",
            "Time that a commit of the store took.",
            buckets=_COMMIT_BUCKETS,
            registry=self.registry,
        )
        self._served = Counter("connector_data_served_bytes", "Bytes of data sent to peers.", registry=self.registry)
        self._outbox = Gauge("connector_outbox_messages", "Messages that wait to be sent.", registry=self.registry)
        self._stalled = Gauge("connector_stalled_processes", "Processes that need a person.", registry=self.registry)

    def answered(self, listener: str, method: str, route: str, status: int) -> None:
        """Count an answered request; `route` is the route's template, never the path."""
        self._requests.labels(listener, method if method in _METHODS else "other", route, str(status)).inc()

    def sent(self, message_type: str, outcome: str) -> None:
        """Count an attempt to send a message, with one of few outcomes such as `acknowledged` or `refused`."""
        self._sent.labels(_message(message_type), outcome).inc()

    def received(self, message_type: str) -> None:
        """Count a message from a peer; a type that DSP does not define counts as `other`."""
        self._received.labels(_message(message_type)).inc()

    def committed(self, seconds: float) -> None:
        """Note how long a commit of the store took."""
        self._commits.observe(seconds)

    def served(self, size_bytes: int) -> None:
        """Count bytes of data sent to a peer."""
        self._served.inc(size_bytes)

    def render(self, depths: Depths | None) -> bytes:
        """Return all figures in Prometheus' text format; without depths (the store is away) those are left out."""
        self._outbox.set(float("nan") if depths is None else depths.outbox)
        self._stalled.set(float("nan") if depths is None else depths.stalled)
        return generate_latest(self.registry)


def add_metrics(app: web.Application, metrics: Metrics, depths: Callable[[], Awaitable[Depths | None]]) -> None:
    """Serve `/metrics`.

    Args:
        app: the private listener's application.
        metrics: what to show.
        depths: counts outbox and stalled processes; None when the store cannot tell now.
    """

    async def show(_request: web.Request) -> web.Response:
        body = metrics.render(await depths())
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    app.router.add_get("/metrics", show)


def route_of(request: web.Request) -> str:
    """Return the template of the route that took a request, such as `/dsp/2025-1/negotiations/{pid}`."""
    resource = request.match_info.route.resource
    return "unmatched" if resource is None else resource.canonical


def _message(name: str) -> str:
    return name if name in _MESSAGES else "other"
