"""What verification finds: nothing in a good bundle, something after every change (A.2 rows 26 and 27)."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from connector import canonical, texts
from connector.errors import Invalid
from connector.evidence import bundle, chain, compose, heads, verify
from connector.evidence.contents import Kept
from connector.evidence.finding import Finding, judged
from connector.identity import keys, participant
from connector.identity.keys import KeyPair
from tests.unit.evidence.bundles import (
    ATTACKER,
    CONSUMER,
    PAIRS,
    PROVIDER,
    TOKENS,
    Case,
    at,
    redigested,
    resigned,
    rewritten,
)

GOOD = Case().packed()
CASES = {
    "two-sided, by the provider": Case(),
    "two-sided, by the consumer": Case(made_by=CONSUMER, policy=None),
    "one-sided, by the provider": Case(sealed_by=(PROVIDER,)),
    "one-sided, by the consumer": Case(made_by=CONSUMER, sealed_by=(CONSUMER,), policy=None),
    "sealed by the other party only": Case(made_by=CONSUMER, sealed_by=(PROVIDER,), policy=None),
    "with payloads removed": Case(removed=frozenset({2, 3})),
    "verification known from a GET": Case(sealed_by=(PROVIDER,), silent=frozenset({"verification"})),
    "finalisation known from a GET": Case(made_by=CONSUMER, silent=frozenset({"finalized"})),
}
LYING_MAKER_MAY_CHANGE = (
    # What nobody but the maker knows: when it stored what, since when keys are known to it, how much it left out.
    "bundle.json/made", "bundle.json/leftOut", "messages.json/*/at", "parties/*/keys.json/*/since",
    "parties/*/keys.json/*/until", "parties/*/keys.json/*",
    # What it keeps of messages that took no effect, and what DID documents say besides the keys in use.
    "messages.json/1/applied", "messages.json/1/direction", "parties/*/did.json",
    # The page in words of another version.
)  # fmt: skip


def wrong(data: bytes, *trusted: str) -> list[str]:
    return [finding.check for finding in verify.verify(data, trusted) if not finding.ok]


@pytest.mark.parametrize("name", CASES)
def test_a_good_bundle_holds(name: str) -> None:
    found = verify.verify(CASES[name].packed())
    assert [finding for finding in found if not finding.ok] == []
    assert verify.holds(found)
    for language in texts.LANGUAGES:
        for finding in found:
            assert "{" not in texts.say(finding.code, language, "text", **finding.values)


def codes(name: str) -> set[str]:
    return {finding.code for finding in verify.verify(CASES[name].packed())}


def test_it_is_said_who_has_sealed() -> None:
    assert "verify_sides_ok" in codes("two-sided, by the provider")
    assert "verify_sides_one" in codes("one-sided, by the provider")
    assert "verify_sides_one" in codes("one-sided, by the consumer")
    assert "verify_sides_theirs" in codes("sealed by the other party only")


# Every leaf of every file


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inner = [each for key, item in items for each in leaves(item, (*place, key))]
    yield from inner or [place]


def other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value[:-1] + ("a" if value[-1:] != "a" else "b")
    return value + 1 if isinstance(value, int) else "something else"


def changed(value: Any, place: tuple[Any, ...]) -> Any:
    """Return a JSON value with another leaf at a place."""
    if not place:
        return other(value)
    whole = copy.deepcopy(value)
    holder = whole
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = other(holder[place[-1]])
    return whole


def without(value: Any, place: tuple[Any, ...]) -> Any:
    whole = copy.deepcopy(value)
    holder = whole
    for key in place[:-1]:
        holder = holder[key]
    del holder[place[-1]]
    return whole


def mutations(files: Mapping[str, bytes]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield a bundle's files with one leaf of one file changed, or gone, and where."""
    for name, data in files.items():
        if not name.endswith(".json"):
            continue
        value = json.loads(data)
        for place in leaves(value):
            where = "/".join(map(str, (name, *place)))
            yield where, {**files, name: canonical.canonical(changed(value, place))}
            if place:
                yield f"{where} gone", {**files, name: canonical.canonical(without(value, place))}


def failing(data: bytes) -> set[str]:
    """Return the checks that fail; `none` for what is no bundle any more."""
    try:
        return {finding.check for finding in verify.verify(data) if not finding.ok}
    except Invalid:
        return {"none"}


SHARE = pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.slow)])
"""Every mutation takes a while; one in eleven is tried each time."""


def some(step: int, *, redigest: bool) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield one in so many mutations; fresh digests would undo those of the digests themselves."""
    for number, (where, files) in enumerate(mutations(bundle.unpack(GOOD))):
        if number % step == 0 and not (redigest and where.startswith("bundle.json/files/")):
            yield where, redigested(files) if redigest else files


@SHARE
def test_a2_27_every_changed_leaf_is_found(step: int) -> None:
    found = list(some(step, redigest=False))
    assert len(found) > 500 / step
    assert [where for where, files in found if not failing(bundle.pack(files))] == []


@SHARE
def test_a2_27_every_changed_leaf_is_found_where_the_attacker_redigests_everything(step: int) -> None:
    assert [where for where, files in some(step, redigest=True) if not failing(bundle.pack(files))] == []


@SHARE
def test_a2_27_every_changed_leaf_is_found_where_the_attacker_signs_with_a_key_of_its_own(step: int) -> None:
    found = some(step, redigest=True)
    assert [where for where, files in found if not failing(resigned_anyhow(files, ATTACKER))] == []


@SHARE
def test_a2_27_what_a_maker_could_lie_about_is_known(step: int) -> None:
    """Its own signature and the page it can make anew; the rest needs the other party's key, or a journal head's."""
    found = some(step, redigest=True)
    undetected = [where for where, files in found if not failing(resigned_anyhow(files, PAIRS[PROVIDER])) - {"page"}]
    assert [where for where in undetected if not excused(where.removesuffix(" gone"))] == []


def excused(where: str) -> bool:
    return any(fits(where.split("/"), pattern.split("/")) for pattern in LYING_MAKER_MAY_CHANGE)


def fits(parts: list[str], pattern: list[str]) -> bool:
    return len(parts) >= len(pattern) and all(part in ("*", each) for part, each in zip(pattern, parts, strict=False))


def resigned_anyhow(files: Mapping[str, bytes], by: KeyPair) -> bytes:
    """Return the files signed by somebody, or as they are where they cannot be signed any more."""
    try:
        return resigned(files, by)
    except (KeyError, TypeError):
        return bundle.pack(files)


def test_a2_27_every_flipped_character_of_a_signature_is_found() -> None:
    for name in (bundle.SIGNATURE, "seals/agreement.jws", "seals/verification.jws"):
        files = bundle.unpack(GOOD)
        text = files[name]
        for place in range(0, len(text), 29):
            flipped = text[:place] + (b"A" if text[place : place + 1] != b"A" else b"B") + text[place + 1 :]
            assert failing(bundle.pack({**files, name: flipped}))
            if name != bundle.SIGNATURE:
                assert failing(resigned(redigested({**files, name: flipped}), PAIRS[PROVIDER])) - {"page"}


def test_a2_27_a_bundle_forged_from_end_to_end_is_found_by_the_fingerprints() -> None:
    forged = Case(pairs={PROVIDER: ATTACKER, CONSUMER: keys.generate()}).packed()
    assert wrong(forged) == []
    assert wrong(forged, PAIRS[PROVIDER].kid, PAIRS[CONSUMER].kid) == ["trust"]
    assert wrong(GOOD, PAIRS[PROVIDER].kid, PAIRS[CONSUMER].kid) == []


# Files


def test_an_added_or_a_missing_file_is_found() -> None:
    assert wrong(bundle.pack(rewritten(GOOD, extra_json=b"{}"))) == ["files"]
    assert wrong(resigned(redigested(rewritten(GOOD, extra_json=b"{}")), PAIRS[PROVIDER])) == ["files"]
    assert wrong(bundle.pack(rewritten(GOOD, agreement_json=None))) == ["contents"]
    assert wrong(bundle.pack(rewritten(GOOD, contract_html=None))) == ["files"]
    assert "made" in wrong(bundle.pack(rewritten(GOOD, bundle_jws=None)))
    assert wrong(bundle.pack(rewritten(GOOD, bundle_jws=b"\xff"))) == ["made"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("agreement.json", b"[]"), ("messages.json", b"{}"), ("messages.json", b"[1]"), ("journal/heads.json", b"[1]"),
        ("journal/heads.json", b'["x"]'), ("journal/paths.json", b"[{}]"), ("seals/agreement.jws", b"x"),
        ("seals/agreement.jws", b"\xff"), ("parties/provider/did.json", b'{"id":"did:web:other.example"}'),
        ("parties/provider/keys.json", b"{"), ("policy.json", b"NaN"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_such_file_is_found(name: str, data: bytes) -> None:
    files = {**bundle.unpack(GOOD), name: data}
    assert wrong(resigned(redigested(files), PAIRS[PROVIDER])) == ["contents"]


def edited(name: str, edit: Any, case: Case | None = None) -> bytes:
    """Return a bundle in which a lying maker has edited one file."""
    made_by = case.made_by if case else PROVIDER
    files = bundle.unpack(case.packed() if case else GOOD)
    value = json.loads(files[name])
    found = edit(value)
    data = canonical.canonical(value if found is None else found)
    return resigned(redigested({**files, name: data}), PAIRS[made_by])


def put(*place: Any, value: Any) -> Any:
    def edit(whole: Any) -> None:
        for key in place[:-1]:
            whole = whole[key]
        whole[place[-1]] = value

    return edit


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("bundle.json", put("madeBy", value="did:web:third.example")),
        ("bundle.json", put("consumer", value=PROVIDER)),
        ("messages.json", put(0, "direction", value="sideways")),
        ("messages.json", put(0, "file", value="agreement.json")),
        ("messages.json", put(0, "at", value="yesterday")),
        ("messages.json", put(0, "applied", value=1)),
        ("parties/provider/keys.json", put(0, "purpose", value="tls")),
        ("parties/provider/keys.json", put(0, "kid", value=PAIRS[CONSUMER].kid)),
        ("parties/provider/keys.json", put(0, "jwk", value={"kty": "RSA"})),
        ("parties/provider/keys.json", put(0, "since", value="2026-01-01")),
        ("journal/records.json", put(0, "salt", value=None)),
        ("journal/paths.json", put(0, "path", value=[1])),
    ],
)
def test_a_member_that_no_such_file_has_is_found(name: str, edit: Any) -> None:
    assert wrong(edited(name, edit)) == ["contents"]


# Agreement, messages, sequence, terms


def test_a2_26_another_agreement_is_found() -> None:
    assert {"agreement", "seal.agreement"} <= set(wrong(edited("agreement.json", put("target", value="pipes"))))
    assert "agreement" in wrong(edited("agreement.json", put("assigner", value=CONSUMER)))


def test_a_contract_without_an_agreement_message_is_found() -> None:
    found = wrong(edited("messages.json", put(2, "applied", value=False)))
    assert {"agreement", "sequence", "seal.agreement", "seal.verification"} <= set(found)


def test_a_message_that_is_not_listed_is_found() -> None:
    assert "messages" in wrong(edited("messages.json", lambda whole: whole[:1] + whole[2:]))
    assert "messages" in wrong(edited("messages.json", lambda whole: whole[:-1]))


def test_messages_in_another_order_are_found() -> None:
    found = wrong(edited("messages.json", lambda whole: [whole[2], *whole[:2], *whole[3:]]))
    assert {"messages", "sequence"} <= set(found)


def test_a_contract_that_was_not_concluded_is_found() -> None:
    found = edited("messages.json", put(4, "applied", value=False))
    assert wrong(found) == ["sequence", "page"]


def test_a_message_of_another_contract_is_found() -> None:
    assert "messages" in wrong(edited("bundle.json", put("contract", value="urn:uuid:other")))


def test_a_message_that_is_none_is_found() -> None:
    kind = put("@type", value="ContractHopeMessage")
    assert "messages" in wrong(edited("messages/001-ContractRequestMessage.json", kind))


def test_a_contract_without_an_offer_is_found() -> None:
    assert "terms" in wrong(edited("messages.json", put(0, "applied", value=False)))


def test_a2_26_other_terms_than_the_offers_are_found() -> None:
    assert "terms" in wrong(edited("offer.json", put("permission", value=[{"action": "use"}])))
    assert "terms" in wrong(edited("policy.json", put("prohibition", value=[])))


# Seals


def test_a_policy_that_the_seal_does_not_name_is_found() -> None:
    assert wrong(edited("policy.json", put("@type", value="Set"))) == ["seal.agreement"]


def test_a2_26_a_seal_that_its_message_does_not_carry_is_found() -> None:
    fresh = Case().packed()
    files = bundle.unpack(GOOD) | {"seals/agreement.jws": bundle.unpack(fresh)["seals/agreement.jws"]}
    assert {"seal.agreement", "seal.verification"} <= set(wrong(resigned(redigested(files), PAIRS[PROVIDER])))


def test_a2_27_a_seal_of_a_key_that_was_not_the_partys_at_the_time_is_found() -> None:
    late = put(1, "since", value=at(50).replace("T06", "T08"))
    assert "seal.agreement" in wrong(edited("parties/provider/keys.json", late))
    over = put(1, "until", value=at(1).replace("T06", "T05"))
    assert "seal.verification" in wrong(edited("parties/consumer/keys.json", over))


def test_a_seal_that_was_left_out_is_found() -> None:
    files = rewritten(GOOD, seals__verification_jws=None)
    assert wrong(resigned(redigested(files), PAIRS[PROVIDER])) == ["sides", "page"]
    none = rewritten(GOOD, seals__verification_jws=None, seals__agreement_jws=None)
    assert "verify_sides_none" in {each.code for each in verify.verify(resigned(redigested(none), PAIRS[PROVIDER]))}


def test_an_agreement_without_a_time_with_a_zone_puts_no_bound_on_its_seal() -> None:
    for time in ("2026-08-14T06:35:00", "soon", None):
        assert "seal.agreement" in wrong(edited("agreement.json", put("timestamp", value=time)))


# Keys


def test_a_key_that_the_did_document_does_not_show_is_found() -> None:
    document = participant.document(PROVIDER, token=[TOKENS[PROVIDER].public], seal=[ATTACKER.public])
    assert wrong(edited("parties/provider/did.json", lambda _: document)) == ["keys.provider"]


def test_an_earlier_key_that_only_the_history_names_is_told() -> None:
    earlier = keys.generate()
    row = {"purpose": "seal", "kid": earlier.kid, "jwk": earlier.public.jwk, "since": at(0), "until": at(1)}
    found = verify.verify(edited("parties/consumer/keys.json", lambda whole: [*whole, row]))
    told = next(finding for finding in found if finding.check == "keys.consumer")
    assert told.ok
    assert told.values["gone"] == 1


# Journal


def test_records_that_are_missing_a_path_or_out_of_order_are_found() -> None:
    assert wrong(edited("journal/records.json", lambda whole: list(reversed(whole)))) == ["journal"]
    assert "journal" in wrong(edited("journal/paths.json", lambda whole: whole[1:]))
    assert "journal" in wrong(edited("journal/paths.json", lambda whole: [*whole, whole[-1]]))
    assert "journal" in wrong(edited("journal/paths.json", put(0, "head", value=2)))
    assert "journal" in wrong(edited("journal/paths.json", put(0, "path", 0, value="sha256:00")))
    assert {"journal", "heads"} <= set(wrong(edited("journal/heads.json", lambda _: [])))


def test_a_journal_that_says_other_messages_came_is_found() -> None:
    case = Case()
    material = case.material()
    fewer = [kept for kept in material.records if '"message"' not in (kept.payload or ("", ""))[1]]
    numbers = {kept.record.number for kept in fewer}
    paths = [path for path in material.paths if path.number in numbers]
    left = replace(material, records=fewer, paths=paths)
    assert wrong(compose.compose(left, PAIRS[PROVIDER])) == ["journal"]


def test_a_payload_that_is_no_json_says_nothing() -> None:
    material = Case(made_by=CONSUMER).material()
    first = material.records[0]
    odd = Kept(replace(first.record, payload_digest=chain.payload_digest("s", "x")), first.previous, ("s", "x"))
    material = replace(
        material, records=[replace(odd, record=chain.link(odd.previous, odd.record)), *material.records[1:]]
    )
    assert "journal" in wrong(compose.compose(material, PAIRS[CONSUMER]))


def test_heads_that_do_not_follow_each_other_are_found() -> None:
    assert wrong(edited("journal/heads.json", lambda whole: [*whole, *whole])) == ["heads", "page"]


def test_a_head_by_another_key_is_found() -> None:
    by_other = Case(made_by=CONSUMER).material().heads
    found = wrong(edited("journal/heads.json", lambda _: list(by_other)))
    assert "heads" in found


def test_several_heads_that_follow_each_other_hold() -> None:
    material = Case().material()
    first = heads.read(material.heads[0])
    later = heads.sign(PAIRS[PROVIDER], heads.following(first, [first.head.hash], participant=PROVIDER, at=at(45)))
    both = replace(material, heads=[*material.heads, later])
    assert wrong(compose.compose(both, PAIRS[PROVIDER])) == []
    third = heads.sign(
        PAIRS[PROVIDER], replace(heads.read(later).head, number=5, first=20, last=20, previous="sha256:" + "0" * 64)
    )
    assert wrong(compose.compose(replace(both, heads=[*both.heads, third]), PAIRS[PROVIDER])) == []
    unlinked = heads.sign(PAIRS[PROVIDER], replace(heads.read(later).head, previous="sha256:" + "0" * 64))
    assert wrong(compose.compose(replace(both, heads=[material.heads[0], unlinked]), PAIRS[PROVIDER])) == ["heads"]


# The page


def test_a_page_that_says_something_else_is_found() -> None:
    shown = bundle.unpack(GOOD)["contract.html"]
    lie = shown.replace(b"levels", b"pipes!")
    assert lie != shown
    assert wrong(resigned(redigested(rewritten(GOOD, contract_html=lie)), PAIRS[PROVIDER])) == ["page"]


def test_a_page_of_another_version_is_told() -> None:
    files = redigested(rewritten(GOOD, contract_html=b"<html>earlier words</html>"))
    found = verify.verify(resigned(files, PAIRS[PROVIDER]))
    assert verify.holds(found)
    assert found[-1].code == "verify_page_other"


def test_a_finding_names_a_few_of_many() -> None:
    assert judged("files", []) == Finding("files", ok=True, code="verify_files_ok")
    assert judged("files", [str(number) for number in range(50)]).values["wrong"] == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"


# Whatever a lying maker signs

ODD: tuple[Any, ...] = (
    None, True, 0, -1, 2**53 - 1, 1.5, "", "x", "\u202e", "9" * 400, at(2), "0001-01-01T00:00:00Z",
    "sha256:" + "0" * 64, [], {}, [[]], [{}], {"@id": 1}, {"@value": []}, {"a": {"b": [None]}}, "P1Y", "odrl:use",
)  # fmt: skip


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value that stands in another one."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*place, key)
        yield from places(item, (*place, key))


def test_a2_27_whatever_stands_in_a_signed_bundle_there_is_a_verdict() -> None:
    files, draw = bundle.unpack(GOOD), random.Random(27)  # noqa: S311 - the same oddities every time
    names = [name for name in files if name.endswith(".json")]
    for _ in range(250):
        name = draw.choice(names)
        value = json.loads(files[name])
        put(*draw.choice(list(places(value))), value=draw.choice(ODD))(value)
        failing(resigned_anyhow(redigested({**files, name: json.dumps(value).encode()}), PAIRS[PROVIDER]))


def test_a2_26_a_counter_seal_that_leaves_the_providers_seal_out_is_found() -> None:
    assert "seal.verification" in failing(Case(linked=False).packed())
