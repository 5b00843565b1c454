"""The one strict verifier against the matrix of hostile tokens (rows 7 to 14 of the threat table)."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import Unauthenticated
from connector.identity import jws, keys, tokens
from connector.identity.pinned import PeerKey, PeerKeys

if TYPE_CHECKING:
    from collections.abc import Callable

MATRIX = json.loads((Path(__file__).parents[2] / "data" / "tokens" / "matrix.json").read_text(encoding="utf-8"))
NOW, ISSUER, AUDIENCE = MATRIX["now"], MATRIX["issuer"], MATRIX["audience"]
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

TOKEN, SEAL, STRANGER = keys.generate(), keys.generate(), keys.generate()
RSA = rsa.generate_private_key(65537, 2048)
KEYS = PeerKeys(
    ISSUER,
    {
        f"{ISSUER}#token": PeerKey(TOKEN.public, frozenset({"token"})),
        f"{ISSUER}#seal": PeerKey(SEAL.public, frozenset({"seal"})),
    },
)


def refused(row: int) -> list[Any]:
    cases = [case for case in MATRIX["refused"] if case["row"] == row]
    return [pytest.param(case, id=case["name"]) for case in cases]


def der(pair: keys.KeyPair, data: bytes) -> bytes:
    return pair.private.sign(data, ec.ECDSA(SHA256()))


def malleated(data: bytes) -> bytes:
    raw = TOKEN.sign(data)
    return raw[:32] + (ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")


def pem() -> bytes:
    return TOKEN.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


SIGNERS: dict[str, Callable[[bytes], bytes]] = {
    "token": TOKEN.sign,
    "seal": SEAL.sign,
    "stranger": STRANGER.sign,
    "nobody": lambda _: b"",
    "zeros": lambda _: bytes(64),
    "der": lambda data: der(TOKEN, data),
    "malleated": malleated,
    "rsa": lambda data: RSA.sign(data, padding.PKCS1v15(), SHA256()),
    "hmac_pem": lambda data: hmac.digest(pem(), data, hashlib.sha256),
    "hmac_jwk": lambda data: hmac.digest(json.dumps(TOKEN.public.jwk).encode(), data, hashlib.sha256),
}


def text(members: dict[str, Any], raw: dict[str, str]) -> str:
    """Return a JSON object in which some values are given as text, valid or not."""
    parts = [f"{json.dumps(name)}: {raw.get(name) or json.dumps(value)}" for name, value in members.items()]
    return "{" + ", ".join(parts) + "}"


def build(case: dict[str, Any]) -> str:
    """Return the token of a case of the matrix."""
    if "token" in case:
        return str(case["token"])
    header = {"alg": "ES256", "kid": "token", "typ": tokens.TYP} | case.get("header", {})
    if not case.get("verbatim_kid"):
        header["kid"] = f"{ISSUER}#{header['kid']}"
    claims = {"iss": ISSUER, "sub": ISSUER, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 300, "jti": "one"}
    claims |= case.get("claims", {})
    header = {name: value for name, value in header.items() if name not in case.get("drop_header", ())}
    claims = {name: value for name, value in claims.items() if name not in case.get("drop", ())}
    head = text(header, case.get("raw_header", {}))
    body = str(case["payload"]) if "payload" in case else text(claims, case.get("raw_claims", {}))
    return sign(*repeated(head, body, case.get("repeat", {})), case)


def repeated(head: str, body: str, repeat: dict[str, int]) -> tuple[str, str]:
    head += " " * repeat.get("header", 0)
    body += " " * repeat.get("payload", 0)
    if depth := repeat.get("header_depth"):
        head = '{"alg": ' + "[" * depth + "]" * depth + "}"
    if depth := repeat.get("payload_depth"):
        body = '{"iss": ' + "[" * depth + "]" * depth + "}"
    return head, body


def sign(head: str, body: str, case: dict[str, Any]) -> str:
    signed = f"{keys.encode(head.encode())}.{keys.encode(body.encode())}"
    signature = keys.encode(SIGNERS[case.get("signed_by", "token")](signed.encode()))
    if case.get("tamper"):
        signed = f"{keys.encode(head.encode())}.{keys.encode(body.replace('one', 'two').encode())}"
    return f"{signed}.{signature}{'A' * case.get('repeat', {}).get('letters', 0)}"


def verify(token: str, peer: PeerKeys = KEYS) -> tokens.Claims:
    return tokens.verify(token, audience=AUDIENCE, keys=peer, now=NOW)


def code(token: str, peer: PeerKeys = KEYS) -> str:
    with pytest.raises(Unauthenticated) as caught:
        verify(token, peer)
    assert caught.value.values == {}
    return caught.value.code


@pytest.mark.parametrize("case", refused(7))
def test_a2_07_algorithm_or_signature_is_refused(case: dict[str, Any]) -> None:
    assert code(build(case)) == case["code"]


@pytest.mark.parametrize("case", refused(8))
def test_a2_08_audience_is_refused(case: dict[str, Any]) -> None:
    assert code(build(case)) == case["code"]


@pytest.mark.parametrize("case", refused(9))
def test_a2_09_token_that_cannot_be_spent_is_refused(case: dict[str, Any]) -> None:
    assert code(build(case)) == case["code"]


@pytest.mark.parametrize("case", refused(10))
def test_a2_10_missing_or_odd_claim_is_refused(case: dict[str, Any]) -> None:
    assert code(build(case)) == case["code"]


@pytest.mark.parametrize("case", refused(11))
def test_a2_11_token_of_another_kind_is_refused(case: dict[str, Any]) -> None:
    assert code(build(case)) == case["code"]


@pytest.mark.parametrize("case", refused(12))
def test_a2_12_header_is_refused(case: dict[str, Any]) -> None:
    assert code(build(case)) == case["code"]


@pytest.mark.parametrize("case", refused(14))
def test_a2_14_oversized_or_malformed_token_is_refused(case: dict[str, Any]) -> None:
    assert code(build(case)) == case["code"]


@pytest.mark.parametrize("case", MATRIX["accepted"], ids=[case["name"] for case in MATRIX["accepted"]])
def test_good_token_is_accepted(case: dict[str, Any]) -> None:
    claims = verify(build(case))
    assert (claims.issuer, claims.jti) == (ISSUER, "one")


def test_the_matrix_has_every_row() -> None:
    assert {case["row"] for case in MATRIX["refused"]} == {7, 8, 9, 10, 11, 12, 14}
    assert len(MATRIX["refused"]) > 30


def test_a2_09_malleated_signature_gives_no_second_id_to_spend() -> None:
    token = build({})
    signed, _, signature = token.rpartition(".")
    s = ORDER - int.from_bytes(keys.decode(signature)[32:], "big")
    twin = f"{signed}.{keys.encode(keys.decode(signature)[:32] + s.to_bytes(32, 'big'))}"
    assert twin != token
    assert verify(twin) == verify(token)


def test_a2_09_expiry_covers_the_leeway_so_a_spent_id_is_not_forgotten_too_early() -> None:
    claims = verify(build({}))
    assert claims.expires == NOW + 330
    with pytest.raises(Unauthenticated, match="token_expired"):
        tokens.verify(build({}), audience=AUDIENCE, keys=KEYS, now=claims.expires)
    tokens.verify(build({}), audience=AUDIENCE, keys=KEYS, now=claims.expires - 0.001)


def test_a2_12_token_without_kid_is_good_only_where_there_is_exactly_one_method() -> None:
    token = build({"drop_header": ["kid"]})
    kid = f"{ISSUER}#token"
    only = {kid: PeerKey(TOKEN.public, frozenset({"token"}))}
    assert verify(token, PeerKeys(ISSUER, only, sole=kid)).jti == "one"
    assert code(token, PeerKeys(ISSUER, only)) == "token_key_unknown"


def test_a2_12_key_under_another_did_is_never_taken() -> None:
    kid = "did:web:other.example#token"
    peer = PeerKeys(ISSUER, {kid: PeerKey(TOKEN.public, frozenset({"token"}))}, sole=kid)
    assert code(build({"header": {"kid": kid}, "verbatim_kid": True}), peer) == "token_key_unknown"
    assert code(build({"drop_header": ["kid"]}), peer) == "token_key_unknown"


def test_a2_12_key_without_the_relationship_is_refused() -> None:
    peer = PeerKeys(ISSUER, {f"{ISSUER}#token": PeerKey(TOKEN.public, frozenset())})
    assert code(build({}), peer) == "token_key_purpose"


@pytest.mark.parametrize("kind", ["rsa_1024", "rsa_2048", "p192", "p384", "secp256k1"])
def test_a2_13_weak_or_foreign_key_is_no_key(kind: str) -> None:
    jwk: dict[str, str]
    if kind.startswith("rsa"):
        modulus = (1 << int(kind[4:]) - 1) + 1
        jwk = {"kty": "RSA", "e": "AQAB", "n": keys.encode(modulus.to_bytes(int(kind[4:]) // 8, "big"))}
    else:
        curve = {"p192": "P-192", "p384": "P-384", "secp256k1": "secp256k1"}[kind]
        jwk = {"kty": "EC", "crv": curve, "x": TOKEN.public.jwk["x"], "y": TOKEN.public.jwk["y"]}
    with pytest.raises(ValueError, match="not a kind of key"):
        keys.public_key(jwk)


def test_eddsa_token_of_a_peer_is_accepted() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    public = keys.public_key(
        {"kty": "OKP", "crv": "Ed25519", "x": keys.encode(private.public_key().public_bytes_raw())}
    )
    kid = f"{ISSUER}#ed"
    peer = PeerKeys(ISSUER, {kid: PeerKey(public, frozenset({"token"}))})
    claims = {"iss": ISSUER, "sub": ISSUER, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 60, "jti": "ed"}
    token = jwt.encode(claims, private, algorithm="EdDSA", headers={"kid": kid})
    assert verify(token, peer).jti == "ed"
    assert code(token[:-4] + "AAAA", peer) == "token_signature"


def test_a_token_of_ours_is_good_for_whoever_it_is_meant_for() -> None:
    token = tokens.mint(TOKEN, ISSUER, AUDIENCE, NOW + 0.9, "fresh")
    kid = f"{ISSUER}#{TOKEN.kid}"
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "kid": kid, "typ": tokens.TYP}
    options: Any = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(token, TOKEN.public.load(), algorithms=["ES256"], audience=AUDIENCE, options=options)
    assert claims == {"iss": ISSUER, "sub": ISSUER, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 300, "jti": "fresh"}
    assert verify(token, PeerKeys(ISSUER, {kid: PeerKey(TOKEN.public, frozenset({"token"}))})).jti == "fresh"


def test_a_token_of_ours_never_lives_longer_than_ten_minutes() -> None:
    token = tokens.mint(TOKEN, ISSUER, AUDIENCE, NOW, "long", lifetime=10**9)
    assert b'"exp":1800000600' in jws.parse(token, limit=tokens.TOKEN_CHARACTERS).payload


@pytest.mark.parametrize(
    ("token", "issuer"),
    [
        (build({}), ISSUER),
        (build({"claims": {"iss": "anybody"}, "signed_by": "nobody"}), "anybody"),
        (build({"claims": {"iss": 7}}), None),
        (build({"claims": {"iss": "a\nb"}}), None),
        (build({"drop": ["iss"]}), None),
        (build({"repeat": {"letters": 1048576}}), None),
        ("", None),
        ("..", None),
    ],
)
def test_the_claimed_issuer_is_read_without_belief(token: str, issuer: str | None) -> None:
    assert tokens.peek_issuer(token) == issuer


@settings(max_examples=300)
@given(st.text(max_size=80) | st.text("abcdefeyJ.-_0=", max_size=80))
def test_a2_14_any_text_is_refused_and_never_breaks(token: str) -> None:
    assert code(token).startswith("token_")
    assert tokens.peek_issuer(token) is None or "." in token


@settings(max_examples=200)
@given(st.integers(0, 600), st.characters(exclude_categories=["Cs"]))
def test_a2_07_any_changed_character_is_refused(position: int, character: str) -> None:
    good = build({})
    position %= len(good)
    token = good[:position] + character + good[position + 1 :]
    if token != good:
        assert code(token).startswith("token_")


def test_der_and_raw_signatures_are_the_same_numbers() -> None:
    raw = TOKEN.sign(b"data")
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    TOKEN.private.public_key().verify(utils.encode_dss_signature(r, s), b"data", ec.ECDSA(SHA256()))
