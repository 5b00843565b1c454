"""What the connector under test knows before the kit speaks: itself, the kit, datasets with offers, finalized contracts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from connector import canonical, clock, ids
from connector.evidence import document
from connector.identity import keyfile
from connector.identity.participant import place
from connector.protocol import catalog, negotiation
from connector.protocol.machine import CONSUMER, PROVIDER, Process, Role
from connector.services import participants
from connector.store.contracts import Contract
from connector.store.exchanges import Exchange
from connector.store.offers import CATALOG, Dataset, Offer, Policy
from connector.store.parties import PINNED, Peer
from tests.conformance import scripts, settings

if TYPE_CHECKING:
    from pathlib import Path

    from connector.store.session import Store
    from connector.store.unit import Unit

BY: Final = "conformance"
NAME: Final = "Connector under test"
FILE: Final = "data.json"
RULES: Final[dict[str, Any]] = {"permission": [{"action": "use"}]}
"""An open offer: the kit asks for nothing else, and sends the same in its own offers and agreements."""

TRANSFERRED: Final = "ATP"
"""The dataset that every seeded agreement is about."""


@dataclass(frozen=True, slots=True)
class Seeds:
    """The rows of one run.

    Attributes:
        did: the participant under test. home: its home, with a file that is published.
        kit: the kit's address. way: the name of the authenticator that speaks for it.
    """

    did: str
    home: Path
    kit: str
    way: str

    async def plant(self, store: Store) -> None:
        """Make the participant with its keys, the key of its grants' tokens, and store everything else."""
        await participants.create(self.home, store, self.did, NAME, by=BY)
        keyfile.create_secret(self.home / "keys" / "grants.key")
        (self.home / FILE).write_text('{"reading": 1}')
        await store.write(self.rows)

    def rows(self, unit: Unit) -> None:
        """Store the kit as a peer, datasets with offers, and finalized contracts."""
        unit.peers.add(
            Peer(
                self.did, settings.KIT_PARTICIPANT, self.way, self.kit, PINNED, [], None, unit.now, BY, unit.now,
            )
        )  # fmt: skip
        digest = canonical.digest(RULES)
        unit.policies.put(Policy(self.did, digest, "open", RULES, unit.now, BY))
        for dataset in (*scripts.CATALOG_DATASETS, *scripts.PROVIDER_NEGOTIATIONS, TRANSFERRED):
            self._publish(unit, dataset, digest)
        for agreement in scripts.PROVIDER_TRANSFERS:
            self._agreed(unit, agreement, PROVIDER)
        for agreement in scripts.CONSUMER_TRANSFERS:
            self._agreed(unit, agreement, CONSUMER)

    def _publish(self, unit: Unit, dataset: str, digest: str) -> None:
        description = {"dct:title": [{"@value": f"Dataset {dataset}", "@language": "en"}]}
        rendered = catalog.dataset(dataset, description, place(self.did).base, self.did)
        source = {"kind": "file", "path": str(self.home / FILE)}
        unit.datasets.add(Dataset(self.did, dataset, dataset, description, source, rendered, unit.now, BY))
        shown, text = catalog.offer(settings.offer_id(dataset), RULES)
        unit.offers.add(Offer(self.did, shown["@id"], dataset, CATALOG, digest, shown, text, unit.now, BY))

    def _agreed(self, unit: Unit, agreement_id: str, role: Role) -> None:
        """Store a contract that was negotiated before the kit came."""
        shown, _ = catalog.offer(settings.offer_id(TRANSFERRED), RULES)
        parties = (self.did, settings.KIT_PARTICIPANT)
        assigner, assignee = parties if role == PROVIDER else parties[::-1]
        agreement = document.agreement(
            shown, agreement_id=agreement_id, target=TRANSFERRED, assigner=assigner, assignee=assignee,
            timestamp=clock.iso(unit.now),
        )  # fmt: skip
        pid, kit = ids.new(), settings.KIT_PARTICIPANT
        turn = Process(negotiation.NEGOTIATION, role, negotiation.FINALIZED)
        unit.exchanges.add(Exchange(pid, self.did, kit, ids.new(), self.kit, turn, created=unit.now, updated=unit.now))
        offer = shown | {"target": TRANSFERRED}
        unit.contracts.add(
            Contract(
                pid, self.did, kit, role, TRANSFERRED, offer, PROVIDER, unit.now, shown["@id"],
                agreement_id, agreement, unit.now,
            )
        )  # fmt: skip
