"""Messages: what we send is strict and read back, what we read is lenient and never a surprise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector import ids
from connector.errors import BadMessage
from connector.protocol import messages
from connector.protocol.context import AFTER, DSPACE, WAITS
from connector.protocol.machine import Table
from connector.protocol.negotiation import NEGOTIATION
from connector.protocol.transfer import TRANSFER
from tests.schemas import faults
from tests.unit.protocol.documents import IDS, JSON, example, examples

RULES: Final = {"permission": [{"action": "use"}]}
OFFER: Final = {"@id": "urn:offer:1", "@type": "Offer", "target": "urn:rain", **RULES}
AGREEMENT: Final = OFFER | {"@type": "Agreement", "assigner": "did:web:a", "assignee": "did:web:b"}
CALLBACK: Final = "https://town.example/dsp/2025-1"
ADDRESS: Final = {"@type": "DataAddress", "endpointType": "https", "endpoint": "https://town.example/data"}
# The content that each move of ours carries besides names, pids and reasons.
CONTENT: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("negotiation", "request"): {"offer": OFFER},
    ("negotiation", "offer"): {"offer": OFFER},
    ("negotiation", "agreement"): {"agreement": AGREEMENT},
    ("transfer", "request"): {"agreementId": "urn:a", "format": "HttpData-PULL", "callbackAddress": CALLBACK},
    ("transfer", "start"): {"dataAddress": ADDRESS},
}
MOVES: Final = [
    *((NEGOTIATION, move) for move in messages.NEGOTIATION_TYPES),
    *((TRANSFER, move) for move in messages.TRANSFER_TYPES),
]
EVERY_SUFFIX: Final = sorted({*messages.SUFFIXES["negotiation"], *messages.SUFFIXES["transfer"]})
_KINDS: Final = sorted({*messages.NEGOTIATION_TYPES.values(), *messages.TRANSFER_TYPES.values()})


def _suffix(table: Table, move: str) -> str:
    return messages.path(table.name, move, "pid").removeprefix(f"/{table.name}s/pid/")


def _termination(**members: Any) -> dict[str, Any]:
    body = {"@context": [DSPACE], "@type": "TransferTerminationMessage", "providerPid": "urn:p", "consumerPid": "urn:c"}
    return body | members


def _read(body: Mapping[str, Any]) -> messages.Message:
    return messages.read(TRANSFER, "termination", body)


def _refusal(table: Table, suffix: str, body: Mapping[str, Any]) -> tuple[str, str | None]:
    with pytest.raises(BadMessage) as caught:
        messages.read(table, suffix, body)
    return caught.value.code, caught.value.field


@given(
    st.sampled_from(MOVES),
    st.tuples(IDS, IDS, IDS),
    st.none() | st.just("") | IDS,
    st.none() | IDS,
    st.lists(st.text(max_size=40), max_size=3),
)
def test_what_we_build_is_valid_and_read_back(
    made: tuple[Table, str], names: tuple[str, str, str], after: str | None, code: str | None, reasons: list[str]
) -> None:
    (table, move), (message_id, provider, consumer) = made, names
    body = messages.build(
        table, move, message_id=message_id, provider_pid=provider, consumer_pid=consumer, after=after, code=code,
        reasons=tuple(reasons), **CONTENT.get((table.name, move), {}),
    )  # fmt: skip
    assert faults(body["@type"], body) == []
    read = messages.read(table, _suffix(table, move), body)
    assert (read.protocol, read.move, read.id, read.after) == (table.name, move, message_id, after)
    assert (read.provider_pid, read.consumer_pid, read.code, read.reasons) == (provider, consumer, code, tuple(reasons))
    assert read.body == body


@pytest.mark.parametrize(("move", "provider", "consumer"), [("request", None, "urn:ours"), ("offer", "urn:ours", None)])
def test_a_first_message_has_a_callback_in_the_place_of_the_peers_pid(
    move: str, provider: str | None, consumer: str | None
) -> None:
    body = messages.build(
        NEGOTIATION, move, message_id="urn:m", provider_pid=provider, consumer_pid=consumer,
        offer=OFFER, callbackAddress=CALLBACK,
    )  # fmt: skip
    assert faults(body["@type"], body) == []
    read = messages.read(NEGOTIATION, _suffix(NEGOTIATION, move), body)
    assert (read.provider_pid, read.consumer_pid, read.callback) == (provider, consumer, CALLBACK)


@pytest.mark.parametrize(
    ("protocol", "move", "pid", "path"),
    [
        ("negotiation", "request", None, "/negotiations/request"),
        ("negotiation", "offer", None, "/negotiations/offers"),
        ("negotiation", "request", "urn:1", "/negotiations/urn:1/request"),
        ("negotiation", "offer", "urn:1", "/negotiations/urn:1/offers"),
        ("negotiation", "accepted", "urn:1", "/negotiations/urn:1/events"),
        ("negotiation", "agreement", "urn:1", "/negotiations/urn:1/agreement"),
        ("negotiation", "verification", "urn:1", "/negotiations/urn:1/agreement/verification"),
        ("negotiation", "finalized", "urn:1", "/negotiations/urn:1/events"),
        ("negotiation", "termination", "urn:1", "/negotiations/urn:1/termination"),
        ("transfer", "request", None, "/transfers/request"),
        ("transfer", "start", "urn:1", "/transfers/urn:1/start"),
        ("transfer", "suspension", "urn:1", "/transfers/urn:1/suspension"),
        ("transfer", "completion", "urn:1", "/transfers/urn:1/completion"),
        ("transfer", "termination", "urn:1", "/transfers/urn:1/termination"),
    ],
)
def test_messages_are_posted_where_the_https_binding_says(protocol: str, move: str, pid: str | None, path: str) -> None:
    assert messages.path(protocol, move, pid) == path


@pytest.mark.parametrize("name", [name for room in ("negotiation", "transfer") for name in examples(room)])
def test_every_official_example_is_read_at_its_path_or_is_no_message(name: str) -> None:
    body = example(name)
    table = NEGOTIATION if name.startswith("negotiation") else TRANSFER
    taken = [code for suffix in messages.SUFFIXES[table.name] if (code := _code(table, suffix, body)) != "message_type"]
    assert taken == ([None] if body["@type"].endswith("Message") else [])


def _code(table: Table, suffix: str, body: Mapping[str, Any]) -> str | None:
    """Return the code that a message is refused with, or None."""
    try:
        messages.read(table, suffix, body)
    except BadMessage as error:
        return error.code
    return None


@pytest.mark.parametrize("prefix", ["", "dspace:", "https://w3id.org/dspace/2025/1/"])
def test_types_and_events_are_read_with_a_prefix_and_as_iris(prefix: str) -> None:
    body = {"@context": [DSPACE], "@type": prefix + "ContractNegotiationEventMessage"}
    for event, move in (("ACCEPTED", "accepted"), ("FINALIZED", "finalized")):
        assert messages.read(NEGOTIATION, "events", body | {"eventType": prefix + event}).move == move


def test_members_that_we_do_not_know_are_kept_as_they_came() -> None:
    body = _termination(**{"https://example.org/ns#more": {"@value": 1.5}})
    read = messages.read(TRANSFER, "termination", body, raw="as it came")
    assert read.body == body
    assert read.raw == "as it came"
    assert (read.id, read.after, read.callback, read.code, read.reasons) == (None, None, None, None, ())


def test_a_repeat_has_the_same_digest_whatever_the_order_of_its_members() -> None:
    body = _termination(code="no")
    assert _read(dict(reversed(body.items()))).digest == _read(body).digest
    assert _read(body | {"code": "never"}).digest != _read(body).digest


@pytest.mark.parametrize(
    ("reason", "read"),
    [
        pytest.param(["for good", "really"], ("for good", "really"), id="as-the-specification-says"),
        pytest.param("for good", ("for good",), id="one-text"),
        pytest.param({"@value": "nej", "@language": "sv"}, ("nej",), id="one-tagged-text"),
        pytest.param([{"@value": "nej"}, "no"], ("nej", "no"), id="tagged-and-plain"),
        pytest.param([7, {"why": "x"}, {"@value": 7}, None, ["no"], "no"], ("no",), id="nonsense-around-a-reason"),
        pytest.param(7, (), id="a-number"),
        pytest.param(["x" * 5000], ("x" * 1000,), id="a-novel"),
        pytest.param([str(number) for number in range(99)], tuple(map(str, range(50))), id="a-library"),
    ],
)
def test_a_peers_reasons_are_read_as_far_as_they_are_texts_and_not_too_long(reason: Any, read: tuple[str, ...]) -> None:
    assert _read(_termination(reason=reason)).reasons == read


def test_a_code_that_is_no_text_is_not_worth_refusing_a_termination() -> None:
    assert _read(_termination(code=403)).code is None
    assert _read(_termination(code="403")).code == "403"


@pytest.mark.parametrize(
    ("table", "suffix", "members", "refusal"),
    [
        pytest.param(TRANSFER, "termination", {"@context": None}, ("context_unknown", "/@context"), id="no-context"),
        pytest.param(TRANSFER, "start", {}, ("message_type", "/@type"), id="another-path"),
        pytest.param(NEGOTIATION, "termination", {}, ("message_type", "/@type"), id="another-protocol"),
        pytest.param(TRANSFER, "termination", {"@type": None}, ("message_type", "/@type"), id="no-type"),
        pytest.param(TRANSFER, "termination", {"@type": ["x"]}, ("message_type", "/@type"), id="a-list-of-types"),
        pytest.param(TRANSFER, "termination", {"@id": ""}, ("member_invalid", "/@id"), id="an-empty-id"),
        pytest.param(TRANSFER, "termination", {"@id": 7}, ("member_invalid", "/@id"), id="a-number-as-id"),
        pytest.param(TRANSFER, "termination", {"@id": "x" * 257}, ("member_invalid", "/@id"), id="a-long-id"),
        pytest.param(TRANSFER, "termination", {"@id": "a\nb"}, ("member_invalid", "/@id"), id="a-line-break-in-an-id"),
        pytest.param(TRANSFER, "termination", {AFTER: 0}, ("member_invalid", f"/{AFTER}"), id="after-a-number"),
        pytest.param(
            TRANSFER, "termination", {"providerPid": {}}, ("member_invalid", "/providerPid"), id="a-pid-as-object"
        ),
        pytest.param(
            TRANSFER,
            "termination",
            {"consumerPid": "\x1b[2J"},
            ("member_invalid", "/consumerPid"),
            id="a-pid-for-screens",
        ),
        pytest.param(
            TRANSFER,
            "termination",
            {"callbackAddress": "https://a/" + "x" * 2048},
            ("member_invalid", "/callbackAddress"),
            id="a-callback-without-end",
        ),
        pytest.param(
            TRANSFER, "termination", {"code": "x" * (ids.MAX_LENGTH + 1)}, ("member_invalid", "/code"), id="a-long-code"
        ),
        pytest.param(TRANSFER, "termination", {"n": 2**60}, ("json_number", None), id="a-number-that-readers-round"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_its_place(
    table: Table, suffix: str, members: dict[str, Any], refusal: tuple[str, str | None]
) -> None:
    assert _refusal(table, suffix, _termination(**members)) == refusal


@pytest.mark.parametrize("event", [None, "AGREED", 7, ["ACCEPTED"], ""])
def test_an_event_that_is_neither_accepted_nor_finalized_is_refused(event: Any) -> None:
    body = {"@context": [DSPACE], "@type": "ContractNegotiationEventMessage", "eventType": event}
    assert _refusal(NEGOTIATION, "events", body) == ("member_invalid", "/eventType")


@given(
    st.sampled_from([NEGOTIATION, TRANSFER]),
    st.sampled_from(EVERY_SUFFIX),
    st.dictionaries(
        st.sampled_from([*"@id providerPid consumerPid callbackAddress code reason eventType offer".split(), AFTER]),
        JSON | IDS | st.integers(2**53),
    ),
    st.fixed_dictionaries({}, optional={"@context": st.just([DSPACE]) | JSON, "@type": st.sampled_from(_KINDS) | JSON}),
)
def test_any_json_object_is_read_or_refused_as_a_bad_message(
    table: Table, suffix: str, members: dict[str, Any], head: dict[str, Any]
) -> None:
    body = members | head
    code = _code(table, suffix, body)
    assert code in {None, "context_unknown", "message_type", "member_invalid", "json_number"}
    if code is None:
        read = messages.read(table, suffix, body)
        assert _suffix(table, read.move) == suffix
        assert all(text is None or ids.acceptable(text) for text in (read.id, read.provider_pid, read.code))
        assert all(len(reason) <= 1000 for reason in read.reasons)


@given(st.dictionaries(st.sampled_from(["@context", "@type", "@id"]) | st.text(max_size=8), JSON))
def test_an_object_that_is_no_message_at_all_is_refused_as_a_bad_message(body: dict[str, Any]) -> None:
    with pytest.raises(BadMessage):
        _read(body)


@pytest.mark.parametrize("missing", [None, "", [], {}])
def test_a_member_that_says_nothing_is_missing(missing: Any) -> None:
    read = _read(_termination(offer=missing))
    with pytest.raises(BadMessage) as caught:
        messages.require(read, "providerPid", "offer")
    assert (caught.value.code, caught.value.field) == ("member_missing", "/offer")
    with pytest.raises(BadMessage, match="member_missing"):
        messages.member(read, "agreement")


def test_a_member_that_has_to_be_an_object_is_given_or_refused() -> None:
    assert messages.member(_read(_termination(offer=OFFER)), "offer") == OFFER
    with pytest.raises(BadMessage) as caught:
        messages.member(_read(_termination(offer="urn:offer:1")), "offer")
    assert (caught.value.code, caught.value.field) == ("member_invalid", "/offer")


@pytest.mark.parametrize(
    ("table", "kind"),
    [(NEGOTIATION, "ContractNegotiation"), (TRANSFER, "TransferProcess")],
    ids=["negotiation", "transfer"],
)
@pytest.mark.parametrize("waits", [None, "person"])
def test_an_acknowledgement_is_valid_and_says_what_the_peer_asks(table: Table, kind: str, waits: str | None) -> None:
    for state in filter(None, [*table.moves, *table.terminal]):
        body = messages.acknowledgement(table.name, "urn:p", "urn:c", state, waits=waits)
        assert faults(kind, body) == []
        assert (body["providerPid"], body["consumerPid"]) == ("urn:p", "urn:c")
        read = orjson.loads(orjson.dumps(body))
        assert messages.state_of(read) == state
        assert messages.waits_for_person(read) is (waits == "person")


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"state": "dspace:STARTED"}, "STARTED"),
        ({"state": "https://w3id.org/dspace/2025/1/STARTED"}, "STARTED"),
        ({"state": 7}, None),
        ({}, None),
        ([], None),
        (None, None),
        ("STARTED", None),
    ],
)
def test_a_peers_state_is_read_from_its_answer_or_not_known(answer: Any, state: str | None) -> None:
    assert messages.state_of(answer) == state
    assert not messages.waits_for_person(answer)


def test_only_a_person_is_somebody_to_wait_for() -> None:
    assert not messages.waits_for_person({WAITS: "machine"})
    assert not messages.waits_for_person({WAITS: ["person"]})


@pytest.mark.parametrize("pid", [".", ".."])
def test_a_pid_that_could_not_be_put_in_a_path_is_refused(pid: str) -> None:
    body = {"@context": [DSPACE], "@type": "ContractNegotiationTerminationMessage", "consumerPid": "urn:c"}
    with pytest.raises(BadMessage, match="member_invalid at /providerPid"):
        messages.read(NEGOTIATION, "termination", body | {"providerPid": pid})
