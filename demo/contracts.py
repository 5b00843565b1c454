"""Scenes of the contracts: one that needs nobody, one that a person approves, one that the policy refuses."""

from __future__ import annotations

from typing import Any, Final

from demo.datasets import AIR, BORDERS, MODELS, STORMWATER
from demo.failure import Failure
from demo.parties import EKBY, REGION, STRANGNAS, VA
from demo.stage import Party, Stage

FINALIZED: Final = "FINALIZED"
TERMINATED: Final = "TERMINATED"


def automatic(stage: Stage) -> str:
    """Ekby and Strängnäs agree with no person; told state by state. Return the contract's id."""
    stage.tell.scene("automatic")
    consumer, provider = stage.parties[EKBY], stage.parties[STRANGNAS]
    made = stage.ask(consumer, "contracts", "request", provider.did, BORDERS, "--wait")
    stage.until(provider, "contracts", made["peer_pid"], {FINALIZED})
    history(stage, consumer, provider, made["id"])
    agreement = made["agreement"]
    stage.tell.line("agreed", assigner=stage.name(agreement["assigner"]), assignee=stage.name(agreement["assignee"]),
                    id=made["agreement_id"])  # fmt: skip
    return str(made["id"])


def more(stage: Stage) -> tuple[str, str]:
    """Two more automatic contracts, told in brief. Return their ids: Ekby's with the region, the region's with the company."""
    asked = [(stage.parties[EKBY], stage.parties[REGION], AIR), (stage.parties[REGION], stage.parties[VA], MODELS)]
    commands = [(one, ["contracts", "request", other.did, dataset, "--wait"]) for one, other, dataset in asked]
    made = stage.together(commands)
    for (one, other, dataset), contract in zip(asked, made, strict=True):
        stage.tell.line("brief", who=one.name, other=other.name, dataset=dataset, state=contract["state"])
    return str(made[0]["id"]), str(made[1]["id"])


def approved(stage: Stage) -> str:
    """Ekby asks the company for its live levels; a person there says yes. Return Ekby's contract."""
    stage.tell.scene("approved")
    consumer, provider = stage.parties[EKBY], stage.parties[VA]
    asked = stage.ask(consumer, "contracts", "request", provider.did, STORMWATER)
    stage.until(consumer, "contracts", asked["id"], {"REQUESTED"})
    waiting = _waiting(stage, provider, asked["id"])
    stage.tell.line("waits", who=provider.name, other=consumer.name, dataset=STORMWATER)
    stage.ask(provider, "contracts", "approve", waiting["id"])
    stage.until(consumer, "contracts", asked["id"], {FINALIZED})
    history(stage, consumer, provider, asked["id"])
    stage.tell.line("approved_by", who=provider.name)
    return str(asked["id"])


def _waiting(stage: Stage, provider: Party, peer_pid: str) -> Any:
    """Return the provider's side of a contract, which waits for a person. Raises Failure."""
    for item in stage.ask(provider, "contracts", "list")["items"]:
        if item["peer_pid"] == peer_pid and item["waiting"]["waits_for"] == "person":
            return item
    raise Failure("nobody_waits", stage.log(provider.home))


def refused(stage: Stage) -> None:
    """Ekby asks for what is offered to the region only, and learns which rule refuses."""
    stage.tell.scene("refused")
    consumer, provider = stage.parties[EKBY], stage.parties[VA]
    answer = stage.attempt(consumer, "contracts", "request", provider.did, MODELS, "--wait")
    if answer.code != 1 or answer.value is None or answer.value["state"] != TERMINATED:
        raise Failure("not_refused", stage.log(provider.home), dataset=MODELS)
    history(stage, consumer, provider, answer.value["id"])
    for reason in answer.value["reasons"]:
        stage.tell.line("reason", reason=reason)
    stage.tell.line("reason_in_words")
    stage.tell.line("exit_code", code=answer.code)


def history(stage: Stage, consumer: Party, provider: Party, identity: str) -> None:
    """Tell, from the consumer's journal, every move that led to a state, and who made it."""
    records = stage.ask(consumer, "journal", "list", "--subject", identity, told=False)["items"]
    for record in records:
        payload = record["payload"]
        if record["kind"].endswith(".state"):
            who = provider if payload["by"] == "peer" else consumer
            stage.tell.move(who.name, payload["move"], payload["state"])
