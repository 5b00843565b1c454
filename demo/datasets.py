"""Scenes of the providers: who they are, what they publish, whom they know, and what a neighbour sees of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from demo import parties, props
from demo.parties import EKBY, REGION, STRANGNAS, VA
from demo.stage import Party, Stage

AIR, BORDERS, MODELS, STORMWATER = "air-temperature", "municipalities", "water-models", "stormwater"
KNOWN: Final = ((EKBY, STRANGNAS), (EKBY, VA), (EKBY, REGION), (REGION, VA))
"""Who gets to know whom; each does so on its own side."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A dataset to publish."""

    id: str
    provider: str
    source: str
    policy: str
    approval: bool = False

    @property
    def words(self) -> list[str]:
        """The end of the command that publishes it; its title comes first."""
        files = ["--metadata", f"metadata/{self.id}.json", "--policy", f"policies/{self.policy}.json"]
        return ["--source", self.source, *files, *(["--approval", "person"] if self.approval else [])]


ENTRIES: Final = (
    Entry(BORDERS, STRANGNAS, "file:data/geodata/swedish_municipalities.geojson", "open"),
    Entry(AIR, REGION, "file:data/statistics/uppsala_air_temperature.csv", "open"),
    Entry(MODELS, VA, "dir:data/sensors", "region-only"),
    Entry(STORMWATER, VA, "spec:stormwater-api.json", "neighbours-for-a-year", approval=True),
)


def meet(stage: Stage) -> None:
    """Open the three installations."""
    stage.tell.scene("parties")
    parties.open_all(stage)


def publish(stage: Stage) -> None:
    """Publish four datasets, each with where it comes from and its licence."""
    stage.tell.scene("publish")
    props.lay_out(stage)
    for entry in ENTRIES:
        title = _title(stage, entry)
        made = stage.ask(stage.parties[entry.provider], "datasets", "add", entry.id, "--title", title, *entry.words)
        about = made["description"]
        stage.tell.line("published", title=title, who=stage.parties[entry.provider].name)
        stage.tell.line("origin", source=about["dct:source"], licence=_licence(about["dct:license"]))
        if entry.approval:
            stage.tell.line("approval")


def _title(stage: Stage, entry: Entry) -> str:
    about = json.loads((stage.folder / "metadata" / f"{entry.id}.json").read_text(encoding="utf-8"))
    return next(str(item["@value"]) for item in about["dct:title"] if item["@language"] == stage.tell.language)


def _licence(value: Any) -> str:
    return str(value["@id"] if isinstance(value, dict) else value)


def pin(stage: Stage) -> None:
    """Let every pair of the story pin each other's keys."""
    stage.tell.scene("peers")
    pairs = [(stage.parties[one], stage.parties[other]) for one, other in KNOWN]
    both = [*pairs, *((other, one) for one, other in pairs)]
    made = stage.together([(one, _adding(other)) for one, other in both])
    for (one, other), peer in zip(both, made, strict=True):
        stage.tell.line("pinned", who=one.name, other=other.name, keys=_prints(peer["keys"]))


def _adding(other: Party) -> list[str]:
    """Return the command that adds a peer with the certificate that it has handed over."""
    return ["peers", "add", other.did, "--certificate", f"{other.home}/tls/server.pem", "--yes"]


def _prints(keys: Sequence[dict[str, str]]) -> str:
    """Return the beginnings of fingerprints, with what the keys are for."""
    return ", ".join(
        f"{key['purpose']} {key['thumbprint'][:8]}..." for key in sorted(keys, key=lambda key: key["purpose"])
    )


def browse(stage: Stage) -> None:
    """Let Ekby look at what the two participants under one roof offer it."""
    stage.tell.scene("catalog")
    for key in (STRANGNAS, VA):
        provider: Party = stage.parties[key]
        listed = stage.ask(stage.parties[EKBY], "catalog", provider.did)["items"]
        for item in listed:
            stage.tell.line("offered", who=provider.name, dataset=item["id"], count=len(item["offers"]))
    stage.tell.line("separate")
