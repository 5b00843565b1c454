"""python3 verify_bundle.py FILE: verify a contract bundle (docs/reference/bundle.md) without the connector; exit code 0 or 1.
A file's keys can only vouch for each other: compare the fingerprints printed here with ones the parties gave you another way."""
import base64, datetime, hashlib, json, sys, zipfile
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
def need(holds, what):
    if not holds: raise ValueError(what)
def sha(data): return hashlib.sha256(data).digest()
def digest(data): return "sha256:" + sha(data).hex()
def plain(value): return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
def unbase64(text): return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
def seconds(at): return datetime.datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp()
def signed(text, keys, typ):  # a compact JWS by a seal key that was the party's at the time the payload states
    head, body, signature = text.split(".")
    header, payload, data, raw = json.loads(unbase64(head)), json.loads(unbase64(body)), f"{head}.{body}".encode(), unbase64(signature)
    at = seconds(payload["at"])
    jwk = next(key["jwk"] for key in keys if key["purpose"] == "seal" and key["kid"] == header["kid"]
               and seconds(key["since"]) - 300 <= at and (key["until"] is None or at < seconds(key["until"])))
    need(header["typ"] == typ and unbase64(header["kid"]) == sha(plain(jwk)), f"the header of a {typ}")
    if jwk["kty"] == "OKP": ed25519.Ed25519PublicKey.from_public_bytes(unbase64(jwk["x"])).verify(raw, data)
    else:
        point, pair = b"\4" + unbase64(jwk["x"]) + unbase64(jwk["y"]), (int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        public.verify(utils.encode_dss_signature(*pair), data, ec.ECDSA(hashes.SHA256()))
    print(f"{typ} of {at:.0f} by the key {header['kid']}")
    return payload
def verify(files):
    about, agreement, listed, records, paths, jws = (json.loads(files[f"{name}.json"]) for name in (
        "bundle", "agreement", "messages", "journal/records", "journal/paths", "journal/heads"))
    need(about["files"] == {n: digest(d) for n, d in files.items() if n not in ("bundle.json", "bundle.jws")}, "a file's digest")
    keys = {role: json.loads(files[f"parties/{role}/keys.json"]) for role in ("provider", "consumer")}
    maker = keys["provider" if about["madeBy"] == about["provider"] else "consumer"]
    need(signed(files["bundle.jws"].decode(), maker, "bundle+jws")["bundle"] == digest(files["bundle.json"]), "the maker's signature")
    messages = [(m["move"], digest(files[m["file"]]), json.loads(files[m["file"]])) for m in listed if m["applied"]]
    for kind, role in (("agreement", "provider"), ("verification", "consumer")):
        place = max([number for number, (move, _, _) in enumerate(messages) if move == kind], default=len(messages))
        need(kind == "verification" or plain(messages[place][2]["agreement"]) == plain(agreement), "the agreement as it was sent")
        if f"seals/{kind}.jws" not in files: print(f"{about[role]} HAS NOT SEALED: only messages show its part"); continue
        seal = signed(files[f"seals/{kind}.jws"].decode(), keys[role], "seal+jws")
        first, before, parties = "seals/agreement.jws", [each for _, each, _ in messages[:place]], [about["provider"], about["consumer"]]
        said = [seal["type"], seal["offer"], seal["messages"], seal["provider"], seal["consumer"], plain(seal["agreement"])]
        need(said == [kind, digest(files["offer.json"]), before, *parties, plain(agreement)], f"the {kind} seal")
        need([agreement["@id"], agreement["assigner"], agreement["assignee"]] == [about["agreement"], *parties], "the parties")
        need("policy.json" not in files or seal["policy"] == digest(files["policy.json"]), "the policy")
        need(kind == "agreement" or seal["agreementSeal"] == (digest(files[first]) if first in files else None), "the counter-seal")
    heads = {head["number"]: head for head in (signed(text, maker, "journal-head+jws") for text in jws)}
    for record, path in zip(records, paths, strict=True):
        covered, head = [record[n] for n in ("previous", "number", "at", "kind", "subject", "payloadDigest")], heads[path["head"]]
        whole = record["payload"] is None or digest(f"{record['salt']}\n{record['payload']}".encode()) == covered[-1]
        need(whole and digest(plain(covered)) == record["hash"] and path["number"] == record["number"], "a record")
        place, last, whole = path["number"] - head["first"], head["last"] - head["first"], sha(b"\0" + bytes.fromhex(record["hash"][7:]))
        for step in (bytes.fromhex(step[7:]) for step in path["path"]):  # RFC 9162, section 2.1.3.2
            right = place % 2 == 1 or place == last
            whole = sha(b"\1" + (step + whole if right else whole + step))
            while right and place and place % 2 == 0: place, last = place >> 1, last >> 1
            place, last = place >> 1, last >> 1
        need((last, "sha256:" + whole.hex(), head["participant"]) == (0, head["root"], about["madeBy"]), "a record's path")

with zipfile.ZipFile(sys.argv[1]) as archive: verify({name: archive.read(name) for name in archive.namelist()})
print("HOLDS")
