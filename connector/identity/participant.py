"""A participant's names: its `did:web` id, its root URL and what hangs under it, and its DID document (pure).

Source: the did:web method specification, "Read (Resolve)" and "Create"; DSP 2025-1, "Discovery" (DID services).
`http` is used exactly when the host is a loopback one and the installation has no certificate (architecture, "Two listeners").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from connector.errors import Invalid
from connector.ids import MAX_LENGTH, NS
from connector.net.egress import loopback_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from connector.identity.keys import PublicKey

DID_CONTEXT = "https://www.w3.org/ns/did/v1"
JWS_CONTEXT = "https://w3id.org/security/suites/jws-2020/v1"
DSP_CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
DSP_PATH = "/dsp/2025-1"
ANNOUNCES = f"{NS}announces"
"""Member of a DID document: the extensions of ours that this participant speaks (a list of IRIs)."""
ROTATIONS = f"{NS}keyRotation"
"""Member of a DID document: compact JWS by which known keys name new ones (see `pinned.py`)."""

_DID = re.compile(r"did:web:(?P<host>[a-z0-9.%A-Z-]+)(?P<path>(?::[A-Za-z0-9._~-]+)*)", re.ASCII)
_HOST = re.compile(
    r"(?:(?P<name>[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*)|\[::1\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?",
    re.ASCII,
)
_ROOT = re.compile(r"(?P<scheme>https?)://(?P<host>[^/?#@]+)(?P<path>(?:/[A-Za-z0-9._~-]+)*)", re.ASCII)
_LAST_LABEL_NUMERIC = re.compile(r"(?:.*\.)?[0-9]+", re.ASCII)
_MOST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Place:
    """Where a `did:web` id leads: the host with its port, and the path segments under it."""

    host: str
    port: int | None
    segments: tuple[str, ...]
    secure: bool = False
    """Whether the host is this machine, and https is spoken with it all the same; with any other it always is."""

    @property
    def loopback(self) -> bool:
        """Whether this place is the machine itself."""
        return loopback_host(self.host)

    @property
    def scheme(self) -> str:
        """`https`, or `http` for this machine itself where it has no certificate."""
        return "http" if self.loopback and not self.secure else "https"

    @property
    def root(self) -> str:
        """The root URL, without a slash at its end."""
        port = "" if self.port is None else f":{self.port}"
        return "/".join((f"{self.scheme}://{self.host}{port}", *self.segments))

    @property
    def did(self) -> str:
        """The `did:web` id."""
        host = self.host.replace("[", "%5B").replace("]", "%5D").replace(":", "%3A")
        port = "" if self.port is None else f"%3A{self.port}"
        return ":".join((f"did:web:{host}{port}", *self.segments))

    @property
    def document_url(self) -> str:
        """Where the DID document is: `<root>/did.json` with a path, else `<root>/.well-known/did.json`."""
        return f"{self.root}/did.json" if self.segments else f"{self.root}/.well-known/did.json"

    @property
    def version_url(self) -> str:
        """Where the DSP version document is."""
        return f"{self.root}/.well-known/dspace-version"

    @property
    def base(self) -> str:
        """The base of our own DSP 2025-1 endpoints."""
        return f"{self.root}{DSP_PATH}"


def place(did: str, *, secure: bool = False) -> Place:
    """Return where a `did:web` id leads.

    Args:
        did: the id.
        secure: whether our installation has a certificate, and so speaks https with loopback hosts too.

    Raises:
        Invalid: `did_invalid`: not a did:web id, or one whose host is a number other than the loopback ones.
    """
    match = _DID.fullmatch(did) if len(did) <= MAX_LENGTH else None
    if match is None:
        raise Invalid("did_invalid")
    return _place(unquote(match["host"]), tuple(match["path"].split(":")[1:]), secure=secure)


def at(root: str) -> Place:
    """Return the place of a root URL: https, or http where the host is a loopback one.

    Raises:
        Invalid: `root_invalid`.
    """
    match = _ROOT.fullmatch(root.rstrip("/"))
    if match is None:
        raise Invalid("root_invalid")
    try:
        found = _place(match["host"], tuple(match["path"].split("/")[1:]), secure=match["scheme"] == "https")
    except Invalid:
        raise Invalid("root_invalid") from None
    if found.scheme != match["scheme"]:
        raise Invalid("root_invalid")
    return found


def document(
    did: str,
    *,
    token: Sequence[PublicKey],
    seal: Sequence[PublicKey],
    retired: Sequence[PublicKey] = (),
    announce: Iterable[str] = (),
    rotations: Iterable[str] = (),
    secure: bool = False,
) -> dict[str, Any]:
    """Return the DID document of a participant of ours.

    Args:
        did: its `did:web` id.
        token: the keys that sign its requests, several while one is being replaced.
        seal: the keys that seal its contracts.
        retired: earlier keys, listed for no use, so that a neighbour that missed several rotations can follow them;
            a stolen key is not listed any more.
        announce: extensions of ours that it speaks, as IRIs.
        rotations: every endorsement of a key by an earlier one (`pinned.endorse`); never dropped while peers may
            have missed the change.
        secure: as `place`.

    Raises:
        Invalid: `did_invalid`.
    """
    where = place(did, secure=secure)
    keys = {key.thumbprint: key for key in (*token, *seal, *retired)}
    for_token, for_seal = ([f"{did}#{key.thumbprint}" for key in some] for some in (token, seal))
    extensions = {ANNOUNCES: list(announce), ROTATIONS: list(rotations)}
    return {
        "@context": [DID_CONTEXT, JWS_CONTEXT, DSP_CONTEXT],
        "id": did,
        "verificationMethod": [_method(did, key) for key in keys.values()],
        "authentication": for_token,
        "capabilityInvocation": for_token,
        "assertionMethod": for_seal,
        "service": [
            {"id": f"{did}#dataspace", "type": "DataService", "serviceEndpoint": where.version_url},
            {"id": f"{did}#catalog", "type": "CatalogService", "serviceEndpoint": f"{where.base}/catalog"},
        ],
        **{name: values for name, values in extensions.items() if values},
    }


def _place(authority: str, segments: tuple[str, ...], *, secure: bool) -> Place:
    match = _HOST.fullmatch(authority)
    if match is None or {".", ".."} & set(segments):
        raise Invalid("did_invalid")
    host = authority if match["port"] is None else authority.rpartition(":")[0]
    port = None if match["port"] is None else int(match["port"])
    numeric = _LAST_LABEL_NUMERIC.fullmatch(host) is not None and not loopback_host(host)
    if numeric or (port or 0) > _MOST_PORT:
        raise Invalid("did_invalid")
    return Place(host, port, segments, secure and loopback_host(host))


def _method(did: str, key: PublicKey) -> dict[str, Any]:
    return {
        "id": f"{did}#{key.thumbprint}",
        "type": "JsonWebKey2020",
        "controller": did,
        "publicKeyJwk": {**key.jwk, "alg": key.alg},
    }
