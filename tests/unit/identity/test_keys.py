"""Keys, their fingerprints, and the files they are kept in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import ConfigError
from connector.identity import keyfile, keys

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# RFC 8037, appendix A.2 and A.3: a public key and its thumbprint
ED25519 = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
ED25519_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
# RFC 7515, appendix A.3: an ES256 key, the signed bytes and the signature
ES256 = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
ES256_SIGNED = (
    b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
    b"Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
ES256_SIGNATURE = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"


def test_thumbprint_is_that_of_rfc_7638() -> None:
    key = keys.public_key({**ED25519, "kid": "ignored", "use": "sig"})
    assert key.thumbprint == ED25519_THUMBPRINT
    assert key.jwk == ED25519
    assert key.alg == "EdDSA"


def test_signature_of_rfc_7515_verifies() -> None:
    key = keys.public_key(ES256)
    signature = keys.decode(ES256_SIGNATURE)
    assert key.verifies(signature, ES256_SIGNED)
    assert not key.verifies(signature, ES256_SIGNED + b".")
    assert not key.verifies(signature + b"\x00", ES256_SIGNED)
    assert not key.verifies(b"", ES256_SIGNED)
    assert not key.verifies(bytes(64), ES256_SIGNED)


def test_a_key_pair_signs_what_its_public_half_verifies() -> None:
    pair = keys.generate()
    signature = pair.sign(b"data")
    assert len(signature) == 64
    assert keys.public_key(pair.public.jwk).verifies(signature, b"data")
    assert (pair.alg, pair.kid) == ("ES256", pair.public.thumbprint)


def test_eddsa_verifies() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    public = keys.public_key({**ED25519, "x": keys.encode(private.public_key().public_bytes_raw())})
    assert public.verifies(private.sign(b"data"), b"data")
    assert not public.verifies(private.sign(b"data"), b"other")
    assert not public.verifies(b"short", b"data")


def test_a_private_key_is_not_printed() -> None:
    pair = keys.generate()
    assert repr(pair) == f"KeyPair({pair.kid})"


def test_equal_keys_are_equal_values() -> None:
    pair = keys.generate()
    assert keys.public_key({**pair.public.jwk, "alg": "ES256", "kid": "a"}) == pair.public
    assert len({keys.generate().kid for _ in range(5)}) == 5


@pytest.mark.parametrize(
    "jwk",
    [
        None,
        [],
        "key",
        {},
        {"kty": ["EC"], "crv": "P-256"},
        {**ES256, "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"},
        {**ES256, "kty": "OKP"},
        {**ES256, "crv": "P-384"},
        {**ES256, "crv": "p-256"},
        {**ES256, "y": ES256["x"]},
        {**ES256, "x": ES256["x"] + "="},
        {**ES256, "x": ES256["x"][:-1]},
        {**ES256, "x": ES256["x"][:-1] + "V"},
        {**ES256, "x": "AA" + ES256["x"]},
        {**ES256, "x": "+" + ES256["x"][1:]},
        {**ES256, "x": "å" + ES256["x"][1:]},
        {**ES256, "x": None},
        {"kty": "EC", "crv": "P-256", "x": ES256["x"]},
        {**ES256, "use": "enc"},
        {**ES256, "alg": "ES384"},
        {**ES256, "alg": "EdDSA"},
        {**ED25519, "alg": "ES256"},
        {**ED25519, "crv": "X25519"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "oct", "k": "AQAB"},
    ],
)
def test_a2_13_what_is_not_an_acceptable_key_is_refused(jwk: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        keys.public_key(jwk)


def test_a2_13_our_own_key_must_be_on_p256() -> None:
    with pytest.raises(ValueError, match="P-256"):
        keys.pair(ec.generate_private_key(ec.SECP384R1()))


@given(st.binary(max_size=100))
def test_base64url_has_one_text_for_one_value(data: bytes) -> None:
    assert keys.decode(keys.encode(data)) == data


@given(st.text(max_size=20))
def test_base64url_is_read_strictly(text: str) -> None:
    try:
        data = keys.decode(text)
    except ValueError:
        return
    assert keys.encode(data) == text


# Files


def test_a_key_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "token.pem"
    made = keyfile.create_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert keyfile.load_key(path).public == made.public


def test_a_secret_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "grants.key"
    made = keyfile.create_secret(path)
    assert len(made) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert keyfile.load_secret(path) == made


@pytest.mark.parametrize("load", [keyfile.load_key, keyfile.load_secret])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o666])
def test_a_key_file_open_to_others_is_refused(mode: int, load: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "key"
    keyfile.create_key(path)
    path.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.code == "key_file_open_to_others"
    assert caught.value.values == {"path": str(path), "mode": f"{mode:04o}"}


def test_a_read_only_key_file_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "key"
    keyfile.create_key(path)
    path.chmod(0o400)
    keyfile.load_key(path)


@pytest.mark.parametrize("create", [keyfile.create_key, keyfile.create_secret])
def test_a_key_is_never_overwritten(create: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"precious")
    with pytest.raises(ConfigError, match="key_file_exists"):
        create(path)
    assert path.read_bytes() == b"precious"


@pytest.mark.parametrize("create", [keyfile.create_key, keyfile.create_secret])
def test_a_folder_that_is_not_there_is_named(create: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="key_file_unwritable") as caught:
        create(tmp_path / "missing" / "key")
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("load", [keyfile.load_key, keyfile.load_secret])
def test_a_key_file_that_is_not_there_is_named(load: Callable[[Path], object], tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(ConfigError, match="key_file_unreadable"):
            load(path)


def wrong_keys() -> dict[str, bytes]:
    plain = serialization.NoEncryption()
    locked = serialization.BestAvailableEncryption(b"password")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    pair = keys.generate()
    return {
        "empty": b"",
        "text": b"no key",
        "rsa": rsa.generate_private_key(65537, 2048).private_bytes(*form, plain),
        "p384": ec.generate_private_key(ec.SECP384R1()).private_bytes(*form, plain),
        "ed25519": ed25519.Ed25519PrivateKey.generate().private_bytes(*form, plain),
        "encrypted": pair.private.private_bytes(*form, locked),
        "public": pair.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "half": pair.private.private_bytes(*form, plain)[:100],
        "31 bytes": bytes(31),
        "33 bytes": bytes(33),
    }


@pytest.mark.parametrize("kind", wrong_keys())
@pytest.mark.parametrize("load", [keyfile.load_key, keyfile.load_secret])
def test_a_file_of_the_wrong_kind_is_refused(load: Callable[[Path], object], kind: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(wrong_keys()[kind])
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="key_file_wrong_kind"):
        load(path)
