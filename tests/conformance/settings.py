"""The kit's configuration: which tests there are, the ids they use, and the properties file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.conformance import scripts

FORMAT: Final = "HttpData-PULL"
KIT_PARTICIPANT: Final = "TCK_PARTICIPANT"
"""Who the kit is; the name is fixed in the kit."""

_WAIT_SECONDS: Final = 15


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the two sides are reached.

    Attributes:
        kit: the kit's callback address, without a path.
        base: the root of the connector under test. dsp: its Dataspace Protocol base.
        negotiation_webhook, transfer_webhook: where the kit asks the connector to begin.
    """

    kit: str
    kit_port: int
    base: str
    dsp: str
    negotiation_webhook: str
    transfer_webhook: str


def offer_id(dataset: str) -> str:
    """Return the id of a seeded dataset's offer; the kit has this form built in for one counter-offer."""
    return f"CD123:{dataset}:456"


def key_of(seed: str) -> str:
    """Return the kit's configuration prefix for a seed: `ACNC0203` gives `CN_C_02_03`."""
    name, number = seed.lstrip("A").rstrip("0123456789"), seed[-4:]
    kind = {"CN": "CN", "CNC": "CN_C", "TP": "TP", "TPC": "TP_C"}[name]
    return f"{kind}_{number[:2]}_{number[2:]}"


def properties(addresses: Addresses, agent: str, authorization: str) -> dict[str, str]:
    """Return the kit's settings for one run.

    Args:
        agent: the participant id of the connector under test.
        authorization: the header value the kit sends with every request.
    """
    return {
        "dataspacetck.host": "127.0.0.1",
        "dataspacetck.port": str(addresses.kit_port),
        "dataspacetck.callback.address": addresses.kit,
        "dataspacetck.dsp.default.wait": str(_WAIT_SECONDS),
        "dataspacetck.dsp.connector.agent.id": agent,
        "dataspacetck.dsp.connector.http.base.url": addresses.base,
        "dataspacetck.dsp.connector.http.url": addresses.dsp,
        "dataspacetck.dsp.connector.http.headers.authorization": authorization,
        "dataspacetck.dsp.connector.negotiation.initiate.url": addresses.negotiation_webhook,
        "dataspacetck.dsp.connector.transfer.initiate.url": addresses.transfer_webhook,
        **_seeds(),
    }


def text(settings: dict[str, str]) -> str:
    """Return settings as a Java properties file."""
    return "".join(f"{key}={value.replace(chr(92), chr(92) * 2)}\n" for key, value in settings.items())


def _seeds() -> dict[str, str]:
    seeds = {"CAT_01_01_DATASETID": "CAT0101", "CAT_01_02_DATASETID": "CAT0102"}
    seeds["CAT_01_03_DATASETID"] = scripts.ABSENT_DATASET
    for dataset in scripts.PROVIDER_NEGOTIATIONS | scripts.CONSUMER_NEGOTIATIONS:
        seeds[f"{key_of(dataset)}_DATASETID"] = dataset
    for dataset in scripts.PROVIDER_NEGOTIATIONS:
        seeds[f"{key_of(dataset)}_OFFERID"] = offer_id(dataset)
    for agreement in scripts.PROVIDER_TRANSFERS | scripts.CONSUMER_TRANSFERS:
        seeds[f"{key_of(agreement)}_AGREEMENTID"] = agreement
        seeds[f"{key_of(agreement)}_FORMAT"] = FORMAT
    return seeds
