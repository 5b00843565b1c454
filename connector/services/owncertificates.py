"""What is to be said of our own certificates: how long they hold, whether their files are in order, whether the names fit."""

from __future__ import annotations

from connector import clock
from connector.errors import ConfigError, Value
from connector.identity import pairfile
from connector.identity import participant as places
from connector.identity.pairfile import PairFiles
from connector.net import certificates
from connector.services.check import Check
from connector.services.house import House


def own_certificates(house: House, participant: str) -> list[Check]:
    """Check the certificates that we show, as their files are now; none are checked where none are used."""
    found = []
    if house.tls.public is not None:
        found.append(_pair(house, "certificate", house.tls.public, places.place(participant).host))
    if house.tls.client is not None and house.tls.client is not house.tls.public:
        found.append(_pair(house, "client-certificate", house.tls.client, None))
    return found


def _pair(house: House, name: str, pair: PairFiles, host: str | None) -> Check:
    try:
        loaded = pairfile.read(pair.certificate, pair.key, house.now(), credential=pair.credential)
    except ConfigError as error:
        return Check(name, ok=False, code=error.code, values=dict(error.values))
    near, end = loaded.near_end(house.now()), certificates.times(loaded.certificate)[1]
    values: dict[str, Value] = {"path": str(pair.certificate), "until": clock.iso(end)}
    values |= {"days": int(loaded.days_left(house.now())), "spki": loaded.spki}
    if near is not None:
        return Check(name, ok=False, code="doctor_certificate_near", values=values | {"threshold": near})
    if host is not None and not certificates.named(loaded.certificate, host):
        return Check(name, ok=False, code="doctor_certificate_name", values=values | {"host": host})
    return Check(name, ok=True, code="doctor_certificate_ok", values=values)
