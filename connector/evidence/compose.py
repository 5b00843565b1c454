"""Making a bundle of what the store holds: the files, the page, the manifest, the maker's signature, one zip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector import loader
from connector.canonical import canonical, of_bytes
from connector.evidence import bundle, contents, page, seal
from connector.evidence.consistency import file_name
from connector.evidence.contents import SEALS, Kept, Path
from connector.identity import jws
from connector.identity.keys import Signer
from connector.protocol.machine import Role


@dataclass(frozen=True, slots=True)
class Told:
    """A message as it is stored: `in` or `out`, its move, whether it took effect, its exact text, when it was stored."""

    direction: str
    move: str
    applied: bool
    text: str
    at: str


@dataclass(frozen=True, slots=True)
class Party:
    """A party's DID document as it was seen, and the key history: objects as `keys.json` has them."""

    document: Mapping[str, Any]
    keys: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Material:
    """Everything a bundle is made of. Times are xsd:dateTimes in UTC; seals and heads are compact JWS."""

    contract: str
    provider: str
    consumer: str
    made_by: str
    made: str
    agreement: Mapping[str, Any]
    offer: Mapping[str, Any]
    policy: Mapping[str, Any] | None
    seals: Mapping[seal.Kind, str]
    messages: Sequence[Told]
    parties: Mapping[Role, Party]
    records: Sequence[Kept]
    heads: Sequence[str]
    paths: Sequence[Path]
    left_out: int = 0


def compose(material: Material, signer: Signer) -> bytes:
    """Return the bundle, signed by the party that makes it."""
    files = _files(material)
    files[bundle.MANIFEST] = _manifest(material, files)
    whole = contents.read(files, contents.about(files))
    files["contract.html"] = page.render(whole)
    return sign(files | {bundle.MANIFEST: _manifest(material, files)}, signer, material.made_by, material.made)


def sign(files: Mapping[str, bytes], signer: Signer, by: str, at: str) -> bytes:
    """Return files as a zip, with the signature over `bundle.json`."""
    payload = bundle.signed_payload(files[bundle.MANIFEST], by, at)
    text = jws.sign(signer, payload, typ=bundle.SIGNATURE_TYP, kid=signer.kid)
    return bundle.pack({**files, bundle.SIGNATURE: text.encode()})


def _manifest(material: Material, files: Mapping[str, bytes]) -> bytes:
    both = len(material.seals) == len(SEALS)
    return canonical(
        {
            "format": bundle.FORMAT, "contract": material.contract, "agreement": material.agreement["@id"],
            "provider": material.provider, "consumer": material.consumer, "madeBy": material.made_by,
            "made": material.made, "sided": bundle.TWO_SIDED if both else bundle.ONE_SIDED,
            "leftOut": material.left_out, "files": bundle.digests(files),
        }
    )  # fmt: skip


def _files(material: Material) -> dict[str, bytes]:
    files = {"agreement.json": canonical(material.agreement), "offer.json": canonical(material.offer)}
    if material.policy is not None:
        files["policy.json"] = canonical(material.policy)
    files |= {SEALS[kind]: text.encode() for kind, text in material.seals.items()}
    for role, party in material.parties.items():
        files[f"parties/{role}/did.json"] = canonical(party.document)
        files[f"parties/{role}/keys.json"] = canonical(party.keys)
    return files | _messages(material.messages) | _journal(material)


def _messages(told: Sequence[Told]) -> dict[str, bytes]:
    listed, files = [], {}
    for number, each in enumerate(told, 1):
        data = each.text.encode()
        name = file_name(number, loader.load_object(data, limit=bundle.MOST_BYTES))
        files[name] = data
        listed.append(
            {
                "file": name, "direction": each.direction, "move": each.move, "applied": each.applied,
                "digest": of_bytes(data), "at": each.at,
            }
        )  # fmt: skip
    return {**files, "messages.json": canonical(listed)}


def _journal(material: Material) -> dict[str, bytes]:
    paths = [
        {"number": each.number, "head": each.head, "index": each.index, "size": each.size, "path": [*each.path]}
        for each in material.paths
    ]
    return {
        "journal/records.json": canonical([_record(kept) for kept in material.records]),
        "journal/heads.json": canonical(list(material.heads)),
        "journal/paths.json": canonical(paths),
    }


def _record(kept: Kept) -> dict[str, Any]:
    record = kept.record
    salt, payload = kept.payload or (None, None)
    return {
        "number": record.number, "at": record.at, "kind": record.kind, "subject": record.subject, "payload": payload,
        "salt": salt, "payloadDigest": record.payload_digest, "hash": record.hash, "previous": kept.previous,
    }  # fmt: skip
