"""The explanation: every term of the profile in both languages, nothing left out, nothing half said."""

from __future__ import annotations

import re
from typing import Any

import pytest

from connector.policy import registry
from connector.policy.explain import words
from connector.policy.explain.sentences import Explanation, explain, graded
from connector.policy.parse import parse
from connector.policy.terms import shorten
from tests.unit.policy.documents import DATASET, EKBY, REGION, constraint, offer, rule

SAMPLES = {
    "dateTime": "2027-03-05T00:00:00+01:00",
    "duration": "P1M2D",
    "number": "1000",
    "boolean": "true",
    "iri": {"@id": "urn:x"},
    "string": "level",
}
OPERANDS = [(iri, operator) for iri, entry in registry.table("operands").items() for operator in entry["operators"]]
UNTOLD = re.compile(r"[{}]|explain_|\bNone\b|  ")


def told(document: Any, language: str = "en") -> Explanation:
    return explain(parse(document), language)


def sentence(*parts: Any, language: str = "en", **more: Any) -> str:
    return told(offer(rule(*parts, **more)), language).sentences[0].text


def complete(text: str) -> bool:
    return text[0] in text[0].upper() and text.endswith(".") and not UNTOLD.search(text)


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize(("iri", "operator"), OPERANDS, ids=lambda value: shorten(str(value)))
def test_every_operand_and_operator_of_the_profile_is_explained(iri: str, operator: str, language: str) -> None:
    entry = registry.table("operands")[iri]
    right = constraint(iri, operator, SAMPLES[entry["kind"]])
    document = offer(rule(right), prohibition=[rule(right)], obligation=[rule(right, action="odrl:delete")])
    found = told(document, language)
    assert len(found.sentences) == 3
    for each in found.sentences:
        assert complete(each.text)
        assert shorten(iri) not in each.text
        assert set(each.grades) == ({"recorded"} if each.kind == "obligation" else {entry["grade"]})
        assert graded(each, language).startswith(registry.read("registry")["grades"][next(iter(each.grades))][language])
    assert complete(found.summary)


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("iri", registry.table("actions"), ids=shorten)
def test_every_action_of_the_profile_is_explained(iri: str, language: str) -> None:
    entry = registry.table("actions")[iri]
    found = told(offer(rule(action=iri), prohibition=[rule(action=iri)], obligation=[rule(action=iri)]), language)
    texts = [each.text for each in found.sentences]
    assert all(complete(text) for text in texts)
    assert entry["label"][language] in texts[0]
    assert entry.get("prohibited", entry["label"])[language] in texts[1]
    assert set(found.sentences[0].grades) == {entry["grade"]}


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("name", registry.CONCEPTS)
def test_every_purpose_recipient_and_trigger_is_named(name: str, language: str) -> None:
    operand = next(iri for iri, entry in registry.table("operands").items() if entry.get("values") == name)
    for iri, entry in registry.table(name).items():
        assert entry["label"][language] in sentence(constraint(operand, "eq", {"@id": iri}), language=language)


def test_a_policy_reads_well() -> None:
    permission = rule(
        constraint("kom:participant", "isAnyOf", [{"@id": EKBY}, {"@id": REGION}]),
        constraint("odrl:purpose", "isAnyOf", [{"@id": "kom:FloodPrevention"}, {"@id": "kom:CrisisPreparedness"}]),
        constraint("odrl:dateTime", "lt", "2028-01-01T00:00:00+01:00"),
    )
    delete = rule(
        constraint("kom:dueWithin", "lteq", "P30D"),
        constraint("kom:trigger", "eq", {"@id": "kom:dataReceived"}),
        action="odrl:delete",
    )
    document = offer(permission, prohibition=[rule(action="odrl:distribute")], obligation=[delete])
    swedish, english = told(document, "sv"), told(document, "en")
    assert swedish.sentences[0].text == (
        "Mottagaren får använda datamängden, om mottagaren är did:web:ekby.example eller did:web:region.example och "
        "ändamålet är att förebygga översvämning eller krisberedskap och det sker före den 1 januari 2028."
    )
    assert [each.text for each in swedish.sentences[1:]] == [
        "Mottagaren får inte sprida datamängden vidare, utöver vad lag kräver.",
        "Mottagaren ska radera datamängden inom 30 dagar, räknat från att data togs emot.",
    ]
    assert swedish.summary == (
        "Mottagaren får använda datamängden till den 1 januari 2028, om villkoren nedan är uppfyllda; därefter stängs "
        "åtkomsten. Mottagaren ska också radera datamängden."
    )
    assert graded(swedish.sentences[0], "sv") == "tvingas tekniskt: mottagaren och tidpunkten; intygas: ändamålet"
    assert english.sentences[2].text == (
        "The recipient must delete the dataset within 30 days, counted from the data being received."
    )
    assert english.notes == ("Where a permission and a prohibition both apply, the prohibition prevails.",)


def test_an_identifier_at_the_head_of_a_sentence_is_written_as_it_is() -> None:
    document = {**offer(rule(assignee=EKBY)), "@type": "Agreement"}
    assert told(document).sentences[0].text == "did:web:ekby.example may use the dataset."
    assert told(document, "sv").sentences[0].text == "did:web:ekby.example får använda datamängden."


def test_a_summary_speaks_of_conditions_only_where_there_are_some() -> None:
    assert told(offer(rule())).summary == (
        "The recipient may use the dataset until further notice, without conditions; when the agreement ends, access is "
        "closed."
    )
    for document in (offer(rule(duty=[rule(action="odrl:inform")])), offer(rule(), prohibition=[rule(action="sell")])):
        assert "if the conditions below hold" in told(document).summary


def test_duties_consequences_and_remedies_name_the_rule_that_they_hang_on() -> None:
    inform = rule(action="odrl:inform", informedParty=EKBY, consequence=[rule(action="odrl:compensate")])
    remedy = [rule(action="odrl:delete", compensatedParty=REGION)]
    found = told(offer(rule(duty=[inform]), prohibition=[rule(action="odrl:sell", remedy=remedy)]))
    assert [each.text for each in found.sentences] == [
        "The recipient may use the dataset.",
        "Before item 1 applies, the recipient must inform did:web:ekby.example.",
        "If item 2 is not fulfilled, the recipient must also pay compensation.",
        "The recipient may not sell the dataset.",
        "If item 4 is infringed, the recipient must delete the dataset (compensatedParty: did:web:region.example).",
    ]
    assert found.sentences[1].grades == {"attested": []}


def test_parties_targets_and_refinements_are_said() -> None:
    group = {"@type": "PartyCollection", "source": "urn:group", "refinement": [constraint("odrl:version", "eq", "2")]}
    text = sentence(assignee=group, target=DATASET, action=[{"rdf:value": "odrl:read", "refinement": []}])
    assert text == (
        "Whoever belongs to urn:group may read the dataset https://town.example/datasets/1, if the version is ”2”."
    )


def test_logical_constraints_are_said_with_their_structure() -> None:
    one, other = constraint("odrl:count", "lteq", "5"), constraint("odrl:version", "eq", "2")
    nested = {"and": [one, {"or": [one, other]}]}
    assert "at most 5 times and (it happens at most 5 times or the version is ”2”)" in sentence(nested)
    assert "exactly one of these holds: " in sentence({"xone": [one, other]})
    assert "one after the other" in sentence({"andSequence": [one, other]})
    assert "if it happens at most 5 times." in sentence({"or": [one]})


@pytest.mark.parametrize(
    "condition",
    [
        constraint("urn:foreign", "eq", "x"),
        constraint("odrl:count", "below", "5"),
        {"leftOperand": "odrl:count", "operator": "eq", "rightOperandReference": "urn:x"},
        {"or": []},
        "urn:constraint",
    ],
)
def test_what_is_not_understood_is_said_to_be_so(condition: Any) -> None:
    found = told(offer(rule(condition))).sentences[0]
    assert "something that is not understood" in found.text


def test_rules_that_are_not_understood_are_said_to_be_so() -> None:
    found = told(offer(rule(surprise=1), rule(action="odrl:dance")))
    assert "not understood (surprise), and therefore permits nothing." in found.sentences[0].text
    assert [graded(each, "en") for each in found.sentences] == ["unknown, never permits anything"] * 2
    named = told({"@type": "Set", "permission": ["urn:rule"]})
    assert named.sentences[0].text == "This refers to a rule that is not in the file (urn:rule)."
    unknown = told(offer(rule(constraint("urn:foreign", "eq", "x"), constraint("urn:foreign", "eq", "y")))).sentences[0]
    assert unknown.grades == {"unknown": ["urn:foreign"]}


DAY, WEEK = (constraint("odrl:dateTime", "lt", f"2027-01-0{day}T00:00:00+01:00") for day in (1, 8))
MONTH, YEAR, DAYS = (constraint("kom:timeSinceAgreement", "lteq", length) for length in ("P1M", "P1Y", "P30D"))


@pytest.mark.parametrize(
    ("permissions", "until"),
    [
        ([rule(WEEK, DAY)], "until 1 January 2027,"),
        ([rule({"and": [WEEK]}), rule(DAY)], "until 8 January 2027,"),
        ([rule(DAY, YEAR)], "until 1 January 2027 and at most for 1 year from the making of the agreement,"),
        ([rule(MONTH, DAYS)], "for 1 month from the making of the agreement,"),
        ([rule(DAY), rule(YEAR)], "for as long as the items say,"),
        ([rule(DAY, YEAR), rule(DAY, YEAR)], "for as long as the items say,"),
        ([rule(DAY), rule({"or": [DAY]})], "until further notice,"),
        ([rule()], "until further notice,"),
    ],
)
def test_the_summary_says_until_when(permissions: list[Any], until: str) -> None:
    assert f"may use the dataset {until}" in told(offer(*permissions)).summary


def test_the_summary_says_what_happens_in_the_end() -> None:
    ended = rule(constraint("kom:trigger", "eq", {"@id": "kom:agreementEnded"}), action="odrl:archive")
    assert told(offer(rule(), obligation=[ended])).summary.endswith("The recipient must also archive the dataset.")
    assert told(offer(prohibition=[rule()])).summary == "The policy permits nothing."
    assert told(offer(rule(), profile="urn:x")).summary == "The policy permits nothing."


def test_a_shaping_term_without_a_transform_is_said_to_release_nothing() -> None:
    found = told(offer(rule(constraint("kom:minGroupSize", "gteq", "5"))))
    assert found.notes[-1].startswith("There is no transform for ")
    assert len(told(offer(rule(constraint("kom:field", "isAnyOf", "level")))).notes) == 1


def test_a_refinement_has_its_grade_and_what_is_not_understood_of_a_party_is_said() -> None:
    hourly = {"rdf:value": "odrl:read", "refinement": [constraint("dcat:temporalResolution", "gteq", "PT1H")]}
    assert list(told(offer(rule(action=[hourly]))).sentences[0].grades) == ["shaped"]
    strange = told(offer(rule(assignee={"uid": "did:web:a.example", "surprise": 1}))).sentences[0]
    assert (list(strange.grades), "surprise" in strange.text) == (["unknown"], True)


def test_notes_tell_of_shaping_and_of_missing_parents() -> None:
    shaped = rule(constraint("dcat:temporalResolution", "gteq", "PT1H"))
    assert "nothing is released" in told(offer(shaped)).notes[0]
    assert "urn:parent" in told(offer(rule(), **{"odrl:inheritFrom": "urn:parent"})).notes[0]


@pytest.mark.parametrize(
    ("text", "swedish", "english"),
    [
        ("2027-03-05T00:00:00+01:00", "den 5 mars 2027", "5 March 2027"),
        ("2027-03-05", "den 5 mars 2027 klockan 00.00 (UTC)", "5 March 2027 at 00:00 (UTC)"),
        ("2027-03-05T14:30:15Z", "den 5 mars 2027 klockan 14.30.15 (UTC)", "5 March 2027 at 14:30:15 (UTC)"),
        ("2027-03-05T14:30:00-05:00", "den 5 mars 2027 klockan 14.30 (UTC-05:00)", "5 March 2027 at 14:30 (UTC-05:00)"),
        ("contractAgreement+30d", "30 dagar efter att avtalet slöts", "30 days after the agreement is made"),
        ("2027-13-05", "2027-13-05", "2027-13-05"),
        ("soon", "soon", "soon"),
    ],
)
def test_dates_are_written_out(text: str, swedish: str, english: str) -> None:
    assert (words.moment(text, "sv"), words.moment(text, "en")) == (swedish, english)


@pytest.mark.parametrize(
    ("text", "swedish", "english"),
    [
        ("PT1H", "1 timme", "1 hour"),
        ("P1Y2M3DT4H5M6.5S", "1 år, 2 månader, 3 dagar, 4 timmar, 5 minuter och 6.5 sekunder",
         "1 year, 2 months, 3 days, 4 hours, 5 minutes and 6.5 seconds"),
        ("PT0S", "0 sekunder", "0 seconds"),
        ("-P1D", "-P1D", "-P1D"),
        ("P", "P", "P"),
        ("weekly", "weekly", "weekly"),
    ],
)  # fmt: skip
def test_periods_are_written_out(text: str, swedish: str, english: str) -> None:
    assert (words.period(text, "sv"), words.period(text, "en")) == (swedish, english)


def test_numbers_and_truths_are_written_as_people_write_them() -> None:
    assert (words.number("1234567.5", "sv"), words.number("1234567.5", "en")) == ("1\xa0234\xa0567,5", "1,234,567.5")
    assert words.number("1e3", "sv") == "1e3"
    assert (words.value("false", "boolean", "sv"), words.value("maybe", "boolean", "en")) == ("nej", "maybe")
    assert "5 urn:sek" in sentence(constraint("odrl:payAmount", "eq", "5", **{"odrl:unit": "urn:sek"}))
    assert "is –" in sentence(constraint("odrl:version", "eq", []))


def test_a_sentence_about_a_party_named_by_its_identifier_keeps_the_identifier() -> None:
    policy = parse({"@type": "Agreement", "permission": [{"action": "use", "assignee": "did:web:ekby.example"}]})
    assert explain(policy, "en").sentences[0].text.startswith("did:web:ekby.example may use")
