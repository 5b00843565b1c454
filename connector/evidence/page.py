"""The bundle's page for people: a contract on paper, in Swedish and English, from nothing but the bundle's other files.

It is one HTML file without scripts and without anything from elsewhere, laid out for A4. What a party wrote is escaped, and
characters that change the direction of text or cannot be seen are shown by their numbers. The same files give the same page.
"""

from __future__ import annotations

import functools
import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from connector import canonical, loader, texts
from connector.errors import Invalid
from connector.evidence import seal
from connector.evidence.contents import Contents
from connector.policy import registry
from connector.policy.explain import words
from connector.policy.explain.sentences import explain, graded
from connector.policy.parse import parse
from connector.protocol.machine import CONSUMER, PROVIDER

VERSION: Final = 1
_LANGUAGES: Final = ("sv", "en")
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_NAMED: Final = frozenset({"target", "assigner", "assignee", "timestamp"})
_CODES: Final = re.compile("page_|explain_")
_STYLE: Final = """
@page{size:A4;margin:20mm 18mm}
*{box-sizing:border-box}
body{font:10.5pt/1.45 Georgia,"Times New Roman",serif;color:#000;background:#fff;max-width:174mm;margin:0 auto;padding:6mm}
h1{font-size:18pt;margin:0 0 2mm}h2{font-size:12.5pt;margin:7mm 0 2mm;break-after:avoid}
table{border-collapse:collapse;width:100%;margin:2mm 0}th,td{border:0.3mm solid #666;padding:1mm 2mm;text-align:left;
vertical-align:top;overflow-wrap:anywhere}th{width:46mm;font-weight:bold}thead th{width:auto}
tr,li{break-inside:avoid}ol{padding-left:7mm}code,pre{font:8.5pt/1.35 "Courier New",monospace;overflow-wrap:anywhere}
pre{white-space:pre-wrap;border:0.3mm solid #666;padding:2mm}.grade{font-style:italic}
.office td{height:11mm}.sign td{height:17mm}section+section{break-before:page}
@media print{body{padding:0;max-width:none}}
"""
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def render(contents: Contents) -> bytes:
    """Return the page of a bundle's contents, as UTF-8."""
    sections = "\n".join(_section(contents, language) for language in _LANGUAGES)
    title = _text(f"{_say('title', 'sv')} {contents.about.agreement}")
    head = (
        f'<!doctype html>\n<html lang="sv">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="generator" content="{generator()}">\n<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n'
    )
    return f"{head}<body>\n{sections}\n</body>\n</html>\n".encode()


@functools.cache
def generator() -> str:
    """Return what names the words that pages are made of: the same name, the same page from the same contents."""
    said = {
        language: {code: entry for code, entry in texts.catalogue(language).items() if _CODES.match(code)}
        for language in _LANGUAGES
    }
    known = canonical.digest([VERSION, _STYLE, said, registry.read("registry")])
    return f"municipal-dataspace-connector page/{VERSION} {known}"


def _section(contents: Contents, language: str) -> str:
    parts = [
        f"<h1>{_text(_say('title', language))}</h1>",
        f"<p>{_text(_say('about', language))}</p>",
        _office(language),
        _headed("parties", language, _parties(contents, language)),
        _headed("terms", language, _terms(contents, language)),
        _headed("seals", language, _seals(contents, language)),
        _headed("messages", language, _messages(contents, language)),
        _headed("journal", language, f"<p>{_text(_journal(contents, language))}</p>"),
        _headed("signatures", language, _signatures(language)),
        _headed("whole", language, f"<pre>{_json(contents.agreement)}</pre>"),
    ]
    return f'<section lang="{language}">\n' + "\n".join(parts) + "\n</section>"


def _office(language: str) -> str:
    """Return room for what a registrar writes."""
    rows = ((_say(name, language), "") for name in ("diary", "received", "case", "retention"))
    return _rows(rows, kind="office")


def _parties(contents: Contents, language: str) -> str:
    about, agreement = contents.about, contents.agreement
    found = [
        ("provider", about.provider), ("consumer", about.consumer), ("dataset", agreement.get("target")),
        ("agreement", about.agreement), ("agreed", _moment(str(agreement.get("timestamp", "")), language)),
        ("contract", about.contract), ("made", f"{_moment(about.made_at, language)}; {about.made_by}"),
    ]  # fmt: skip
    return _rows((_say(name, language), value) for name, value in found)


def _terms(contents: Contents, language: str) -> str:
    """Return the rules in words; the parties and the dataset, which each of them would repeat, are named once before them."""
    rules = {name: value for name, value in contents.agreement.items() if name not in _NAMED}
    try:
        told = explain(parse(rules), language)
    except Invalid:
        return f"<p>{_text(_say('terms_unread', language))}</p>"
    sentences = "\n".join(
        f'<li value="{each.number}">{_text(each.text)} <span class="grade">[{_text(graded(each, language))}]</span></li>'
        for each in told.sentences
    )
    notes = "".join(f"<p>{_text(note)}</p>" for note in (*told.notes, _say("grades", language)))
    about, dataset = contents.about, contents.agreement.get("target")
    who = _say("recipient", language, consumer=about.consumer, provider=about.provider, dataset=dataset)
    return f"<p>{_text(who)}</p>\n<p>{_text(told.summary)}</p>\n<ol>\n{sentences}\n</ol>\n{notes}"


def _seals(contents: Contents, language: str) -> str:
    rows = [
        (_say(f"seal_{kind}", language), _seal(contents, kind, language))
        for kind in (seal.AGREEMENT, seal.VERIFICATION)
    ]
    return _rows(rows) + f"<p>{_text(_say(f'sided_{contents.about.sided}', language))}</p>"


def _seal(contents: Contents, kind: seal.Kind, language: str) -> str:
    found = contents.seals.get(kind)
    if found is None:
        return _say("no_seal", language)
    party = found.provider if kind == seal.AGREEMENT else found.consumer
    at = str(loader.load_object(found.signed.payload, limit=seal.MOST_CHARACTERS)["at"])
    return _say("sealed", language, party=party, time=_moment(at, language), kid=found.kid, digest=found.digest)


def _messages(contents: Contents, language: str) -> str:
    names = "".join(f"<th>{_text(_say(name, language))}</th>" for name in ("sent_at", "sender", "kind", "digest"))
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in cells) + "</tr>" for cells in _sent(contents, language)
    )
    return f"<table>\n<thead><tr>{names}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"


def _sent(contents: Contents, language: str) -> Iterator[Sequence[str]]:
    for message in contents.messages:
        kind = str(message.body.get("@type", ""))
        shown = kind if message.applied else _say("not_applied", language, kind=kind)
        yield _moment(message.at_text, language), _say(message.sender, language), shown, message.digest


def _journal(contents: Contents, language: str) -> str:
    code = "journal_some" if contents.about.left_out else "journal_all"
    about, records, heads = contents.about, len(contents.records), len(contents.heads)
    return _say(code, language, by=about.made_by, records=records, heads=heads, left_out=about.left_out)


def _signatures(language: str) -> str:
    """Return room for two people's names: what they sign is paper, not the contract, which is sealed already."""
    rows = ((_say(f"signs_{role}", language), "") for role in (PROVIDER, CONSUMER))
    return f"<p>{_text(_say('signatures_about', language))}</p>" + _rows(rows, kind="sign")


def _headed(name: str, language: str, content: str) -> str:
    return f"<h2>{_text(_say(f'head_{name}', language))}</h2>\n{content}"


def _rows(rows: Iterable[tuple[str, object]], *, kind: str = "facts") -> str:
    cells = "\n".join(f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in rows)
    return f'<table class="{kind}">\n{cells}\n</table>'


def _moment(at: str, language: str) -> str:
    """Return a time in words and as it stands."""
    return f"{words.moment(at, language)} ({at})"


def _json(value: object) -> str:
    return "\n".join(
        _text(line) for line in json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True).split("\n")
    )


def _say(name: str, language: str, /, **values: object) -> str:
    return texts.say(f"page_{name}", language, "text", **values)


def _text(value: object) -> str:
    """Return text for HTML in which nothing is hidden and nothing turns the rest around."""
    shown = (f"\\u{{{ord(each):04x}}}" if unicodedata.category(each) in _HIDDEN else each for each in str(value))
    return html.escape("".join(shown))
