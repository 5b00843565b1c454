"""Policy files as the source of truth, with connectors as processes of their own and files changed as an author does."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.cli.running import Town, found, serving, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
VISIBLE_SECONDS = 2.0


def rules(year: int) -> str:
    """Return the text of a policy that permits use until a year begins."""
    end = {"@value": f"{year}-01-01T00:00:00Z", "@type": "xsd:dateTime"}
    constraint = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": end}
    return json.dumps({"@type": "Offer", "permission": [{"action": "use", "constraint": [constraint]}]}, indent=2)


@pytest.fixture(scope="module")
def towns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, Town, Path]]:
    """Give a provider and a consumer that know each other, and a folder with data and a policy."""
    folder = tmp_path_factory.mktemp("files")
    town, region = found(folder / "town", "Strängnäs kommun"), found(folder / "region", "Region Sörmland")
    (folder / "levels.csv").write_text("well,level\n1,2.5\n")
    (folder / "mine.json").write_text(rules(2050))
    with serving(town, region):
        for one, other in ((town, region), (region, town)):
            assert one.run("peers", "add", other.did, "--yes").code == 0
        yield town, region, folder


def _publish(town: Town, folder: Path, dataset: str, *more: str) -> Path:
    """Publish a dataset and return the copy of its policy file in the home."""
    named = folder / f"{dataset}.json"
    named.write_text(rules(2050))
    source = f"file:{folder / 'levels.csv'}"
    town.json("datasets", "add", dataset, "--title", dataset, "--source", source, "--policy", named, *more)
    return town.home / "policies" / named.name


def _shown(region: Town, town: Town, dataset: str) -> tuple[str, str]:
    """Return the id and the text of the offer that a peer's catalogue shows."""
    document = region.json("catalog", town.did, dataset)["document"]
    return document["hasPolicy"][0]["@id"], json.dumps(document["hasPolicy"][0])


def _within(look: Callable[[], Any], seconds: float = VISIBLE_SECONDS) -> float:
    """Return how long it took until something was so."""
    begun = time.monotonic()
    while not look():
        assert time.monotonic() - begun < seconds
        time.sleep(0.05)
    return time.monotonic() - begun


def test_a_saved_file_is_the_peers_new_offer_and_what_runs_goes_on(towns: tuple[Town, Town, Path]) -> None:
    town, region, folder = towns
    file = _publish(town, folder, "levels")
    old, _ = _shown(region, town, "levels")
    running = region.json("contracts", "request", town.did, "levels", "--wait")
    region.json("transfers", "start", running["id"], "--wait")
    file.write_text(rules(2060))
    _within(lambda: "2060" in _shown(region, town, "levels")[1])
    new, _ = _shown(region, town, "levels")
    assert new != old
    refused = region.run("contracts", "request", town.did, "levels", "--offer", old, "--wait", "--json")
    assert refused.code == 1
    assert region.run("fetch", running["id"]).raw == b"well,level\n1,2.5\n"
    assert "2050" in json.dumps(region.json("contracts", "show", running["id"])["agreement"])
    later = region.json("contracts", "request", town.did, "levels", "--wait")
    assert "2060" in json.dumps(later["agreement"])


def test_an_open_negotiation_ends_on_the_text_that_it_began_with(towns: tuple[Town, Town, Path]) -> None:
    town, region, folder = towns
    file = _publish(town, folder, "wells", "--approval", "person")
    asked = region.json("contracts", "request", town.did, "wells")
    ours = _open(town, "wells")
    file.write_text(rules(2060))
    _within(lambda: "2060" in _shown(region, town, "wells")[1])
    town.json("contracts", "approve", ours)
    agreement = until(region, "contracts", asked["id"], "FINALIZED")["agreement"]
    assert ("2050" in json.dumps(agreement), "2060" in json.dumps(agreement)) == (True, False)


def _open(town: Town, dataset: str) -> str:
    def rows() -> list[str]:
        listed = town.json("contracts", "list")["items"]
        return [row["id"] for row in listed if row["dataset"] == dataset and row["state"] == "REQUESTED"]

    _within(rows, 5.0)
    return rows()[0]


def test_a_broken_edit_keeps_the_old_offer_and_is_told(towns: tuple[Town, Town, Path]) -> None:
    town, region, folder = towns
    file = _publish(town, folder, "lakes")
    before = _shown(region, town, "lakes")
    file.write_text(rules(2060)[:-20])

    def told() -> bool:
        rows = {row["id"]: row for row in town.json("policies", "list")["items"]}
        return bool(rows["lakes.json"]["state"] == "broken" and rows["lakes.json"]["line"] > 1)

    _within(told)
    assert _shown(region, town, "lakes") == before
    said = town.run("policies", "list").out
    assert "not taken" in said
    found = town.run("doctor", "--json")
    assert found.code == 1
    assert {check["id"] for check in found.json["items"] if not check["ok"]} == {"policy-files"}
    file.write_text(rules(2060))
    _within(lambda: "2060" in _shown(region, town, "lakes")[1])
    assert town.run("doctor").code == 0
