"""Two real connectors and the command line: policies made from templates, negotiated, and kept while they run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector import clock
from tests.unit.cli import running
from tests.unit.cli.running import Done, Town

pytestmark = pytest.mark.slow
DATA = "well,level\n1,2.5\n"


@dataclass(frozen=True, slots=True)
class Pair:
    """A provider and a consumer that run and know each other."""

    provider: Town
    consumer: Town
    files: Path

    def publish(self, dataset: str, template: str, *settings: str) -> None:
        """Publish a dataset under a policy made from a template."""
        policy = self.files / f"{dataset}.json"
        words = [word for setting in settings for word in ("--set", setting)]
        made = self.provider.run("policies", "new", template, *words, "-o", policy)
        assert made.code == 0, made.err
        source = f"file:{self.files / 'levels.csv'}"
        told = ("--title", dataset, "--source", source, "--policy", policy)
        done = self.provider.run("datasets", "add", dataset, *told)
        assert done.code == 0, done.err

    def request(self, dataset: str, *more: str) -> Done:
        """Ask for a contract and wait for what becomes of it."""
        return self.consumer.run("contracts", "request", self.provider.did, dataset, *more, "--wait", "--json")

    def begin(self, dataset: str, *more: str) -> tuple[str, str]:
        """Conclude a contract, start a transfer, and return their ids."""
        done = self.request(dataset, *more)
        assert done.code == 0, done.err
        contract = str(done.json["id"])
        started = self.consumer.run("transfers", "start", contract, "--wait", "--json")
        assert started.code == 0, started.err
        return contract, str(started.json["id"])

    def fetch(self, contract: str) -> Done:
        """Read the data."""
        return self.consumer.run("fetch", contract, "--json", "-o", self.files / "out" / f"{clock.now()}.csv")

    def why(self, contract: str) -> Any:
        """Return what the provider's operator sees of a contract that the consumer knows by its id."""
        theirs = self.consumer.json("contracts", "show", contract)["peer_pid"]
        return self.provider.json("contracts", "show", theirs, "--why")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Give two running neighbours."""
    folder = tmp_path_factory.mktemp("run-time")
    provider, consumer = running.found(folder / "norrvik", "Norrvik"), running.found(folder / "ekby", "Ekby")
    files = folder / "files"
    (files / "out").mkdir(parents=True)
    (files / "levels.csv").write_text(DATA)
    with running.serving(provider, consumer):
        for one, other in ((provider, consumer), (consumer, provider)):
            assert one.run("peers", "add", other.did, "--yes").code == 0
        yield Pair(provider, consumer, files)


def test_a_policy_bound_to_purposes_asks_for_one_and_shows_it_to_both(pair: Pair) -> None:
    pair.publish("flood", "purpose-bound")
    refused = pair.request("flood")
    assert refused.code == 1
    assert "purpose" in refused.err
    assert pair.request("flood", "--purpose", "dpv:Marketing").code == 1
    unknown = pair.request("flood", "--purpose", "Mischief")
    assert unknown.problem["code"] == "purpose_unknown"
    contract, _ = pair.begin("flood", "--purpose", "FloodPrevention")
    assert pair.fetch(contract).code == 0
    found = pair.why(contract)
    assert found["decision"] == "permit"
    assert found["purpose"].endswith("#FloodPrevention")
    assert found["rules"][0]["constraints"][0]["state"] == "satisfied"
    lines = pair.consumer.run("contracts", "show", contract).out
    assert "FloodPrevention" in lines


def test_a_policy_of_so_many_requests_a_day_gives_exactly_so_many(pair: Pair) -> None:
    pair.publish("few", "requests-per-day", "requests=2")
    contract, _ = pair.begin("few")
    assert [pair.fetch(contract).code for _ in range(3)] == [0, 0, 1]
    assert pair.fetch(contract).problem["code"] == "data_quota"
    found = pair.why(contract)
    assert (found["decision"], found["used"][0]["used"]) == ("deny", 2)
    theirs = pair.consumer.json("contracts", "show", contract)["peer_pid"]
    told = pair.provider.run("contracts", "show", theirs, "--why").out
    assert "requestsPerDay: 2" in told


def test_a_trial_period_ends_access_when_it_is_over(pair: Pair) -> None:
    pair.publish("trial", "trial", "period=PT8S")
    contract, transfer = pair.begin("trial")
    assert pair.fetch(contract).code == 0
    assert pair.why(contract)["next_change"] is not None
    ended = running.until(pair.consumer, "transfers", transfer, "TERMINATED", seconds=20)
    assert any("8 seconds" in reason for reason in ended["reasons"])
    assert any("8 sekunder" in reason for reason in ended["reasons"])
    assert pair.fetch(contract).code == 1


def test_a_valid_period_ends_access_to_the_second(pair: Pair) -> None:
    end = clock.now() + 10
    pair.publish("valid", "valid-period", "from=2020-01-01T00:00:00Z", f"to={clock.iso(end)}")
    contract, transfer = pair.begin("valid")
    assert pair.fetch(contract).code == 0
    ended = running.until(pair.consumer, "transfers", transfer, "TERMINATED", seconds=25)
    assert ended["reasons"]
    assert clock.now() - end < 5
    assert pair.request("valid").code == 1


def test_a_policy_for_public_bodies_opens_to_whom_an_operator_vouches_for(pair: Pair) -> None:
    pair.publish("public", "public-sector")
    refused = pair.request("public")
    assert refused.code == 1
    assert "public sector body" in refused.err
    attest = ("peers", "attest", pair.consumer.did)
    nonsense = pair.provider.run(*attest, "--fact", "odrl:dateTime=2027-01-01", "--json")
    assert nonsense.problem["code"] == "attest_operand"
    kind = "http://purl.org/adms/publishertype/LocalAuthority"
    told = pair.provider.json(*attest, "--part-of", kind, "--fact", "kom:informationClass=2")
    assert told["attested"]["part_of"] == [kind]
    contract, transfer = pair.begin("public")
    assert pair.fetch(contract).code == 0
    assert pair.provider.run(*attest).code == 0
    running.until(pair.consumer, "transfers", transfer, "TERMINATED")
    assert pair.fetch(contract).code == 1
