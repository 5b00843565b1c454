"""Puts the parts together and serves: two listeners, the dispatcher and upkeep over one house."""

from __future__ import annotations

import asyncio
import logging
import random
import shutil
import signal
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from aiohttp import web

from connector import clock, config
from connector.config import Config
from connector.dataplane.digests import Digests
from connector.errors import ConfigError, Unavailable
from connector.http import dsp, health, management, metrics, reading, witness
from connector.http.certificate import CERTIFICATES, Certificates
from connector.http.connection import Limits as Connections
from connector.http.limits import Buckets, Limiter, networks
from connector.http.metrics import Depths, Metrics
from connector.http.middleware import Name, protect
from connector.http.server import Listener, admin_tls, limits_of, start_listener
from connector.http.streams import Streams
from connector.http.transport import Transport
from connector.identity import keyfile
from connector.identity.authenticator import MOCK, PINNED, Authenticator, PinnedAuthenticator
from connector.identity.keys import Signer
from connector.identity.mock import MockAuthenticator
from connector.identity.participant import place
from connector.identity.ring import Signers
from connector.net.client import Client
from connector.services.decide import Decide, automatic
from connector.services.deliver import Delivery
from connector.services.grants import Grants
from connector.services.house import House, grant_token
from connector.services.office import Limits, Office
from connector.store import migrate
from connector.store.exchanges import Exchange
from connector.store.outbox import Parcel
from connector.store.session import Store
from connector.store.unit import Unit
from connector.worker.dispatch import Dispatch
from connector.worker.upkeep import Upkeep
from connector.worker.watch import Watch

log = logging.getLogger(__name__)
Authenticators = Callable[[str, Signers], Mapping[str, Authenticator]]
LEAST_FREE_BYTES = 32 * 1024 * 1024


@dataclass(slots=True)
class Application:
    """One running installation.

    Args:
        settings: the configuration.
        decide: the decision seam; the conformance kit brings its own.
        authenticators: makes the authenticators of a participant; None for the product's.
        public_routes: more routes on the public listener (the conformance kit's webhooks).
        now: the clock of everything that is stored, signed or timed.
    """

    settings: Config
    decide: Decide = automatic
    authenticators: Authenticators | None = None
    public_routes: Sequence[web.RouteDef] = ()
    now: clock.Clock = clock.now
    house: House = field(init=False)
    store: Store = field(init=False)
    metrics: Metrics = field(init=False, default_factory=Metrics)
    public: Listener = field(init=False)
    private: Listener = field(init=False)
    streams: Streams = field(init=False, default_factory=Streams)
    _dispatch: Dispatch = field(init=False)
    _upkeep: Upkeep = field(init=False)
    _watch_files: Watch = field(init=False)
    _grants: Grants = field(init=False)
    _access: reading.Access = field(init=False)
    _transport: Transport = field(init=False)

    async def start(self) -> None:
        """Migrate, load, listen, deliver.

        Raises:
            ConfigError: what keeps the installation from starting, with the file or setting that is to blame.
        """
        url = self.settings.database_url()
        self._transport = Transport(self.settings, self.now)
        await asyncio.to_thread(migrate.upgrade, url)
        self.store = Store(url, self.now, observe=lambda seconds, _units: self.metrics.committed(seconds))
        participants = await self.store.read(lambda unit: unit.participants.list())
        if not participants:
            raise ConfigError("no_participant")
        loopback = place(participants[0].id).loopback
        await self._check(loopback=loopback)
        self._assemble(self._transport.client(loopback=loopback), loopback=loopback)
        await self.house.load()
        self._transport.follow(self.house)
        try:
            await self._listen()
        except ConfigError:
            await self.house.client.close()
            await self.store.close()
            raise
        await self._dispatch.start()
        self._upkeep.start()
        self._watch_files.start()

    async def stop(self) -> None:
        """Stop listening, let what runs end, commit what waits."""
        for listener in (self.public, self.private):
            await listener.stop()
        await self._watch_files.stop()
        await self._upkeep.stop()
        await self._dispatch.stop()
        try:
            await self._access.flush()
        except Unavailable:
            log.warning("access records were lost with the store")
        await self.house.client.close()
        await self.store.close()

    async def problems(self) -> list[str]:
        """Return the codes of what keeps the connector from its work."""
        found = [] if await self.store.probe() else ["store_unavailable"]
        free = shutil.disk_usage(self.settings.home).free
        return found + (["disk_full"] if free < LEAST_FREE_BYTES else [])

    async def _check(self, *, loopback: bool) -> None:
        def look(unit: Unit) -> tuple[int, bool]:
            auths = [peer.auth for row in unit.participants.list() for peer in unit.peers.list(row.id)]
            return unit.operators.count(), MOCK in auths

        operators, mock = await self.store.read(look)
        config.check_listeners(self.settings, loopback=loopback, operators=operators)
        if mock:
            MockAuthenticator("", listeners=(self.settings.public_host, self.settings.admin_host))

    def _assemble(self, client: Client, *, loopback: bool) -> None:
        at = keyfile.located(self.settings.home / "keys" / "grants.key", self.settings.credentials)
        key = keyfile.load_secret(at.path, credential=at.credential)
        limits = Limits(self.settings.negotiations_per_peer, self.settings.negotiation_rounds)
        office = Office(
            decide=self.decide, token=partial(grant_token, key), root=self._root, parcel=self._put,
            settled=self._settled, heard=self._heard, closed=self._closed, renewed=self._renewed, watch=self._watch,
            limits=limits, seal=self._seal,
        )  # fmt: skip
        make = self.authenticators or partial(_authenticators, self.settings, loopback)
        self.house = House(
            self.settings.home, self.store, client, key, make, office, self.settings.page_size, self.now,
            credentials=self.settings.credentials, tls=self._transport.tls,
        )  # fmt: skip
        self.house.retention = self.settings.retention()
        delivery = Delivery(self.house.exchanging, random.SystemRandom().random)
        self._dispatch = Dispatch(self.house, delivery, self.metrics.sent)
        self._upkeep = Upkeep(self.house, self._dispatch)
        self._watch_files = Watch(self.house)
        self._grants = Grants(self.house)
        self._access = reading.Access(self.house, self.metrics)

    # The office is made before those it tells, so it tells them through these.

    def _root(self, participant: str) -> str:
        return self.house.member(participant).row.root

    def _seal(self, participant: str, now: float) -> Signer:
        return self.house.member(participant).ring.signer("seal", now)

    def _put(self, parcel: Parcel, exchange: Exchange) -> None:
        self._dispatch.put(parcel, exchange)

    def _settled(self, message_id: str) -> None:
        self._dispatch.settled(message_id)

    def _heard(self, participant: str, peer: str) -> None:
        self._dispatch.heard(participant, peer)

    def _renewed(self, grant: str) -> None:
        self._grants.forget(grant)

    def _watch(self) -> None:
        self._upkeep.watch()

    def _closed(self, what: str) -> None:
        self._grants.forget(what)
        self.streams.cut([what])

    async def _listen(self) -> None:
        settings, limits = self.settings, limits_of(self.settings)
        public, private = web.Application(), web.Application()
        public[dsp.HOUSE] = self.house
        public[CERTIFICATES] = Certificates(self.house, networks(settings.client_certificate_proxies), self.now)
        public.add_routes([*dsp.routes(), *witness.routes(), *self.public_routes])
        public.add_routes(reading.routes(self.house, self._grants, self.streams, self._access, Digests()))
        health.add_health(private, self.problems)
        metrics.add_metrics(private, self.metrics, self._depths)
        management.add_management(private, self.house, self.streams, language=settings.language)
        self._protect(public, "public")
        self._protect(private, "private")
        outer, inner = self._transport.listener(), admin_tls(settings)
        self.public = await _bound(public, "public_port", settings.public_host, settings.public_port, outer, limits)
        try:
            self.private = await _bound(private, "admin_port", settings.admin_host, settings.admin_port, inner, limits)
        except ConfigError:
            await self.public.stop()
            raise

    def _protect(self, app: web.Application, name: Name) -> None:
        settings = self.settings
        limiter = Limiter(
            Buckets(settings.peer_rate_per_second, settings.peer_burst),
            Buckets(settings.address_rate_per_second, settings.address_burst),
            networks(settings.trusted_proxies),
            clock.monotonic,
        )
        protect(app, name, language=settings.language, limiter=limiter, metrics=self.metrics)

    async def _depths(self) -> Depths | None:
        try:
            return await self.store.read(lambda unit: Depths(unit.outbox.depth(), unit.exchanges.stalled_count()))
        except Unavailable:
            return None


async def _bound(
    app: web.Application, setting: str, host: str, port: int, tls: ssl.SSLContext | None, limits: Connections
) -> Listener:
    """Start a listener. Raises ConfigError `listener_refused` with the address."""
    try:
        return await start_listener(app, host, port, tls, limits)
    except OSError as error:
        raise ConfigError("listener_refused", field=setting, host=host, port=port, reason=error.strerror) from error


def _authenticators(settings: Config, loopback: bool, did: str, signers: Signers) -> Mapping[str, Authenticator]:  # noqa: FBT001 - partially applied
    """Return the product's authenticators; the laboratory one exists only where every listener is on loopback."""
    made: dict[str, Authenticator] = {PINNED: PinnedAuthenticator(did, signers)}
    if loopback:
        made[MOCK] = MockAuthenticator(did, listeners=(settings.public_host, settings.admin_host))
    return made


async def serve(
    home: Path, environ: Mapping[str, str], ready: Callable[[Application], None] = lambda _app: None
) -> None:
    """Run the installation in a home until SIGTERM or SIGINT. Raises ConfigError as `Application.start`."""
    settings = config.load(home, environ)
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    application, stopped = Application(settings), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await application.start()
    ready(application)
    await stopped.wait()
    await application.stop()
