"""One JSON object of a policy document, its members by their ODRL names, each with its JSON pointer (RFC 6901)."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.errors import Invalid
from connector.policy import bounds, terms
from connector.policy.values import read_value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from connector.policy.model import Extras
    from connector.policy.values import Value

Item = tuple[str, Any]
"""A value and the pointer to it: (pointer, value)."""


@dataclass(slots=True)
class Source:
    """What a whole document lends to its parts: prefixes, the objects it defines, and how much may still be read.

    `rules` and `conditions` count down; `depth` is how many references to definitions are being followed.
    """

    document: Mapping[str, Any]
    prefixes: Mapping[str, str]
    rules: int
    conditions: int
    depth: int = 0
    definitions: Mapping[str, Item] | None = None

    def spend(self, pointer: str, *, rules: int = 0, conditions: int = 0) -> None:
        """Count what is read.

        Raises:
            Invalid: `policy_too_many_rules`.
        """
        self.rules -= rules
        self.conditions -= conditions
        if self.rules < 0 or self.conditions < 0:
            raise Invalid("policy_too_many_rules", field=pointer)

    @contextmanager
    def definition(self, item: Item) -> Iterator[Item | None]:
        """Follow a reference to an object that the document defines; `None` when it defines none, or in a circle."""
        if self.definitions is None:
            self.definitions = definitions(self.document, self.prefixes)
        found = self.definitions.get(_reference(item[1], self.prefixes))
        self.depth += 1
        yield found if self.depth <= bounds.DEPTH else None
        self.depth -= 1


@dataclass(frozen=True, slots=True)
class Node:
    """An object: `members` maps an ODRL name to (name as written, value)."""

    pointer: str
    members: Mapping[str, tuple[str, Any]]
    source: Source

    @property
    def prefixes(self) -> Mapping[str, str]:
        """The prefixes of the document."""
        return self.source.prefixes

    def at(self, name: str) -> str:
        """Return the pointer to a member."""
        return f"{self.pointer}/{escape(self.members[name][0])}"

    def items(self, name: str) -> list[Item]:
        """Return a member's values: none, a single one, or those of an array, `@list` or `@set`."""
        if name not in self.members:
            return []
        pointer, value = self.at(name), self.members[name][1]
        if isinstance(value, dict):
            for keyword in ("@list", "@set"):
                if list(value) == [keyword]:
                    pointer, value = f"{pointer}/{keyword}", value[keyword]
                    break
        if isinstance(value, list):
            return [(f"{pointer}/{index}", item) for index, item in enumerate(value)]
        return [(pointer, value)]

    def iris(self, name: str, *, term: bool = False) -> tuple[str, ...]:
        """Return a member's IRIs, given as text or `{"@id"}`; `term` when a bare name is one of ODRL's.

        Raises:
            Invalid: `policy_text`.
        """
        return tuple(iri(item, self.prefixes, term=term) for item in self.items(name))

    def one_iri(self, name: str, *, term: bool = False) -> str:
        """Return a member's only IRI, or "" when it is absent.

        Raises:
            Invalid: `policy_text`, `policy_single`.
        """
        found = self.iris(name, term=term)
        if len(found) > 1:
            raise Invalid("policy_single", field=self.at(name))
        return found[0] if found else ""

    def values(self, name: str) -> tuple[Value, ...]:
        """Return a member's literal values.

        Raises:
            Invalid: `policy_value`.
        """
        found = []
        for pointer, item in self.items(name):
            value = read_value(item, self.prefixes)
            if value is None:
                raise Invalid("policy_value", field=pointer)
            found.append(value)
        return tuple(found)

    def unknown(self, known: Collection[str]) -> Extras:
        """Return the members that are not among the known names, as written and sorted."""
        return tuple(sorted(item for name, item in self.members.items() if name not in known))


def node(item: Item, source: Source) -> Node:
    """Return an object with its members by ODRL name.

    Raises:
        Invalid: `policy_object` (another type), `policy_member_twice` (one member under two spellings).
    """
    pointer, value = item
    if not isinstance(value, dict):
        raise Invalid("policy_object", field=pointer)
    members: dict[str, tuple[str, Any]] = {}
    for key, inner in value.items():
        name = terms.member(key, source.prefixes)
        if name in members:
            raise Invalid("policy_member_twice", field=f"{pointer}/{escape(key)}")
        members[name] = (key, inner)
    return Node(pointer, members, source)


def iri(item: Item, prefixes: Mapping[str, str], *, term: bool = False) -> str:
    """Return the IRI that text or an object with only an `@id` names.

    Raises:
        Invalid: `policy_text`.
    """
    pointer, value = item
    if isinstance(value, dict) and len(value) == 1:
        value = value.get("@id", value.get("uid"))
    if not isinstance(value, str) or not value:
        raise Invalid("policy_text", field=pointer)
    return terms.vocabulary(value, prefixes) if term else terms.expand(value, prefixes)


def is_reference(value: Any) -> bool:
    """Tell whether a value only names an object: text, or an object with nothing but an identifier."""
    return isinstance(value, str) or (isinstance(value, dict) and list(value) in (["@id"], ["uid"]))


def _reference(value: Any, prefixes: Mapping[str, str]) -> str:
    name = value if isinstance(value, str) else next(iter(value.values()))
    return terms.expand(name, prefixes) if isinstance(name, str) else ""


def definitions(document: Mapping[str, Any], prefixes: Mapping[str, str]) -> Mapping[str, Item]:
    """Return the objects of a document that have an identifier and say more, by identifier; the first one counts."""
    found: dict[str, Item] = {}
    waiting: list[Item] = [("", document)]
    while waiting:
        pointer, value = waiting.pop(0)
        if isinstance(value, dict):
            name = value.get("@id", value.get("uid"))
            if isinstance(name, str) and len(value) > 1:
                found.setdefault(terms.expand(name, prefixes), (pointer, value))
            waiting += [(f"{pointer}/{escape(key)}", inner) for key, inner in value.items() if key != "@context"]
        elif isinstance(value, list):
            waiting += [(f"{pointer}/{index}", inner) for index, inner in enumerate(value)]
    return found


def escape(key: str) -> str:
    """Return a member name as a reference token of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")
