from __future__ import annotations

import pytest

from connector.protocol.machine import CONSUMER, PROVIDER, Role, Table
from connector.protocol.negotiation import NEGOTIATION
from connector.protocol.transfer import TRANSFER
from tests.conformance import scripts, settings

# Each test of the kit as a dialogue: `<` the kit sends, `>` we do, `!` the kit sends what is illegal there.
PROVIDER_NEGOTIATIONS = {
    "CN:01-01": "<request >offer <termination TERMINATED",
    "CN:01-02": "<request >offer <request >termination TERMINATED",
    "CN:01-03": "<request >offer <accepted >agreement <verification >finalized FINALIZED",
    "CN:01-04": "<request >agreement <verification >finalized FINALIZED",
    "CN:02-01": "<request >termination TERMINATED",
    "CN:02-02": "<request <termination TERMINATED",
    "CN:02-03": "<request >agreement <termination TERMINATED",
    "CN:02-04": "<request >offer <termination TERMINATED",
    "CN:02-05": "<request >offer >termination TERMINATED",
    "CN:02-06": "<request >offer <accepted >termination TERMINATED",
    "CN:02-07": "<request >agreement <verification >termination TERMINATED",
    "CN:03-01": "<request >agreement <verification >finalized !termination FINALIZED",
    "CN:03-02": "<request >offer !verification OFFERED",
    "CN:03-03": "<request >offer <accepted !verification ACCEPTED",
    "CN:03-04": "<request >offer <request !request REQUESTED",
}
CONSUMER_NEGOTIATIONS = {
    "CN_C:01-01": ">request <offer >accepted <agreement >verification <finalized FINALIZED",
    "CN_C:01-02": ">request <offer >request <termination TERMINATED",
    "CN_C:01-03": ">request <offer >termination TERMINATED",
    "CN_C:01-04": ">request <agreement >verification <finalized FINALIZED",
    "CN_C:02-01": ">request <termination TERMINATED",
    "CN_C:02-02": ">request >termination TERMINATED",
    "CN_C:02-03": ">request <agreement >termination TERMINATED",
    "CN_C:02-04": ">request <offer <termination TERMINATED",
    "CN_C:02-05": ">request <offer >accepted <termination TERMINATED",
    "CN_C:02-06": ">request <agreement >verification <termination TERMINATED",
    "CN_C:03-01": ">request !finalized REQUESTED",
    "CN_C:03-02": ">request <offer !agreement OFFERED",
    "CN_C:03-03": ">request <offer !finalized OFFERED",
    "CN_C:03-04": ">request <offer >accepted !finalized ACCEPTED",
    "CN_C:03-05": ">request <offer >accepted !offer ACCEPTED",
    "CN_C:03-06": ">request <offer >accepted <agreement !finalized AGREED",
}
PROVIDER_TRANSFERS = {
    "TP:01-01": "<request >start >termination TERMINATED",
    "TP:01-02": "<request >start >completion COMPLETED",
    "TP:01-03": "<request >start >suspension >termination TERMINATED",
    "TP:01-04": "<request >start >suspension >start >completion COMPLETED",
    "TP:01-05": "<request >termination TERMINATED",
    "TP:02-01": "<request >start <termination TERMINATED",
    "TP:02-02": "<request >start <completion COMPLETED",
    "TP:02-03": "<request >start <suspension <termination TERMINATED",
    "TP:02-04": "<request >start <suspension <start <completion COMPLETED",
    "TP:02-05": "<request <termination TERMINATED",
    "TP:03-01": "<request !completion REQUESTED",
    "TP:03-02": "<request !suspension REQUESTED",
    "TP:03-03": "<request >start <suspension !completion SUSPENDED",
    "TP:03-04": "<request >start <termination !start TERMINATED",
    "TP:03-05": "<request >start <termination !suspension TERMINATED",
    "TP:03-06": "<request >start <termination !completion TERMINATED",
}
CONSUMER_TRANSFERS = {
    "TP_C:01-01": ">request <start <termination TERMINATED",
    "TP_C:01-02": ">request <start <completion COMPLETED",
    "TP_C:01-03": ">request <start <suspension <termination TERMINATED",
    "TP_C:01-04": ">request <start <suspension <start <completion COMPLETED",
    "TP_C:01-05": ">request <termination TERMINATED",
    "TP_C:02-01": ">request <start >termination TERMINATED",
    "TP_C:02-02": ">request <start >completion COMPLETED",
    "TP_C:02-03": ">request <start >suspension >termination TERMINATED",
    "TP_C:02-04": ">request <start >suspension >start >completion COMPLETED",
    "TP_C:02-05": ">request >termination TERMINATED",
    "TP_C:03-01": ">request !completion REQUESTED",
    "TP_C:03-02": ">request !suspension REQUESTED",
    "TP_C:03-03": ">request <start <suspension !completion SUSPENDED",
    "TP_C:03-04": ">request <start <termination !start TERMINATED",
    "TP_C:03-05": ">request <start <termination !suspension TERMINATED",
    "TP_C:03-06": ">request <start <termination !completion TERMINATED",
}
DISABLED_IN_THE_KIT = {"TP:02-04", "TP_C:02-04"}
DIALOGUES = PROVIDER_NEGOTIATIONS | CONSUMER_NEGOTIATIONS | PROVIDER_TRANSFERS | CONSUMER_TRANSFERS
OTHER_TESTS = {"MET:01-01", "CAT:01-01", "CAT:01-02", "CAT:01-03"}


def test_there_are_the_kits_67_tests_and_65_of_them_run() -> None:
    assert len(DIALOGUES) + len(OTHER_TESTS) == 67
    assert len((DIALOGUES.keys() | OTHER_TESTS) - DISABLED_IN_THE_KIT) == 65


def test_every_test_of_the_kit_has_a_script_and_every_script_a_test() -> None:
    assert {_seed(test) for test in DIALOGUES} == scripts.SCRIPTS.keys()


@pytest.mark.parametrize(("test", "dialogue"), DIALOGUES.items())
def test_the_script_gives_the_dialogue_that_the_kit_expects(test: str, dialogue: str) -> None:
    *messages, end = dialogue.split()
    assert _played(_seed(test), *_side(test), messages) == (messages, end)


def test_a_finished_script_makes_no_move() -> None:
    assert scripts.answer("ACN0101", 1, "applied", "request") is None


def test_an_unknown_id_has_no_script() -> None:
    with pytest.raises(KeyError):
        scripts.answer("CAT0101", 0, "applied", "request")


def test_the_kit_is_told_the_id_of_every_seed() -> None:
    addresses = settings.Addresses("http://127.0.0.1:2", 2, "http://localhost:1", "http://localhost:1/dsp", "n", "t")
    given = settings.properties(addresses, "did:web:localhost%3A1", "secret")
    assert scripts.SCRIPTS.keys() <= set(given.values())
    assert given["CN_C_03_06_DATASETID"] == "ACNC0306"
    assert given["TP_C_01_05_AGREEMENTID"] == "ATPC0105"
    assert given["CN_01_02_OFFERID"] == "CD123:ACN0102:456"
    assert given["CAT_01_03_DATASETID"] not in scripts.SCRIPTS.keys() | set(scripts.CATALOG_DATASETS)


def test_a_properties_file_keeps_backslashes() -> None:
    assert settings.text({"a": "b\\c", "d": "e=f"}) == "a=b\\\\c\nd=e=f\n"


def _seed(test: str) -> str:
    kind, number = test.split(":")
    return "A" + kind.replace("_", "") + number.replace("-", "")


def _side(test: str) -> tuple[Table, Role]:
    return NEGOTIATION if test.startswith("CN") else TRANSFER, CONSUMER if "_C" in test else PROVIDER


def _played(seed: str, table: Table, role: Role, expected: list[str]) -> tuple[list[str], str | None]:
    """Play the kit's part of a dialogue against a script on the protocol's own table; return what was said and the end."""
    peer: Role = PROVIDER if role == CONSUMER else CONSUMER
    state: str | None = None
    said, made = [], 0
    queue = [message for message in expected if message[0] != ">"]
    if role == CONSUMER:
        said.append(">request")
        state = table.target(None, "request", role)
        answer = scripts.answer(seed, made, "effect", "request")
    else:
        answer = None
    while answer is not None or queue:
        if answer is not None:
            said.append(f">{answer}")
            state = table.target(state, answer, role)
            made += 1
            answer = scripts.answer(seed, made, "effect", answer)
        else:
            message = queue.pop(0)
            said.append(message)
            target = table.target(state, message[1:], peer)
            assert (target is None) == (message[0] == "!"), f"{message} in {state}"
            if target is not None:
                state = target
                answer = scripts.answer(seed, made, "applied", message[1:])
    return said, state
