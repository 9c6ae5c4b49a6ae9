"""User tokens: the good one holds, and every way to bend it does not."""

import base64
import hmac
import json
import math
import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc.jwk import ECKey, Key, OctKey, RSAKey

from paywon.users.model import TokenAlgorithm, TokenPolicy
from paywon.users.tokens import (
    LEEWAY_S,
    MAX_TOKEN_CHARS,
    TokenIsOver,
    TokenRefused,
    key_id_of,
    key_of_set,
    public_key,
    secret_key,
    subject_of,
)
from paywon.web.shapes import WORD
from tests.support.tokens import AUDIENCE, ISSUER, SECRET, claims_of, forged, signed, token_of

RSA, EC = RSAKey.generate_key(2048), ECKey.generate_key("P-256")
NOW = datetime.now(UTC)
T = int(NOW.timestamp())
FAR = 10**400
HEADER = {"alg": "HS256", "typ": "JWT"}


def policy(algorithm: TokenAlgorithm = TokenAlgorithm.HS256) -> TokenPolicy:
    return TokenPolicy(algorithm=algorithm, issuer=ISSUER, audience=AUDIENCE)


def who(token: str, key: Key | None = None, algorithm: TokenAlgorithm = TokenAlgorithm.HS256) -> str:
    key_id_of(token)
    return subject_of(token, key or secret_key(SECRET), policy(algorithm), NOW)


@pytest.mark.parametrize(
    ("algorithm", "private", "public"),
    [
        (TokenAlgorithm.HS256, OctKey.import_key(SECRET), secret_key(SECRET)),
        (TokenAlgorithm.RS256, RSA, public_key(RSA.as_pem(private=False).decode(), TokenAlgorithm.RS256)),
        (TokenAlgorithm.ES256, EC, public_key(EC.as_pem(private=False).decode(), TokenAlgorithm.ES256)),
    ],
)
def test_a_good_token_tells_whom_it_is_about(algorithm: TokenAlgorithm, private: Key, public: Key) -> None:
    for claims in (
        claims_of("user-7"),
        claims_of("user-7", aud=["another", AUDIENCE]),
        claims_of("user-7", nbf=T - 1, iat=T - 0.5, jti="x", roles=["admin"]),
        claims_of("user-7", exp=T - LEEWAY_S + 5),
        claims_of("user-7", nbf=T + LEEWAY_S - 5),
    ):
        token = signed(claims, key=private, algorithm=algorithm, kid="any", cat="a header of the issuer's own")
        assert who(token, public, algorithm) == "user-7"


CLAIMS: dict[str, dict[str, Any]] = {
    "not yet": {"nbf": T + LEEWAY_S + 60},
    "issued in the future": {"iat": T + 3600},
    "another audience": {"aud": "another"},
    "no audience": {"aud": None},
    "no audience in a list": {"aud": []},
    "audience within a text": {"aud": f"x{AUDIENCE}"},
    "audience that is no text": {"aud": [AUDIENCE, 1]},
    "audience that is an object": {"aud": {AUDIENCE: True}},
    "another issuer": {"iss": "https://evil.example"},
    "issuer that begins alike": {"iss": ISSUER + ".evil.example"},
    "issuer in a list": {"iss": [ISSUER]},
    "no issuer": {"iss": None},
    "no end": {"exp": None},
    "end that is a text": {"exp": str(T + 60)},
    "end that is true": {"exp": True},
    "end that is a list": {"exp": [T + 60]},
    "end that never comes": {"exp": math.inf},
    "end that is no number": {"exp": math.nan},
    "end long ago": {"exp": -FAR},
    "start that never comes": {"nbf": FAR},
    "start that is a text": {"nbf": "0"},
    "no subject": {"sub": None},
    "subject that is a number": {"sub": 7},
    "subject that is empty": {"sub": ""},
    "subject that is a list": {"sub": ["user-7"]},
    "subject that is true": {"sub": True},
    "subject that is an object": {"sub": {"id": "user-7"}},
}


@pytest.mark.parametrize("change", CLAIMS.values(), ids=CLAIMS)
def test_a_claim_that_does_not_hold(change: dict[str, Any]) -> None:
    claims = {**claims_of("user-7"), **change}
    with pytest.raises(TokenRefused):
        who(
            forged(HEADER, {name: value for name, value in claims.items() if value is not None}, secret=SECRET.encode())
        )


def test_a_token_that_is_over_is_told_apart_only_when_it_is_genuine() -> None:
    over = claims_of("user-7", exp=T - LEEWAY_S - 1)
    with pytest.raises(TokenIsOver):
        who(signed(over))
    with pytest.raises(TokenRefused) as refused:
        who(signed(over, key=OctKey.import_key("another secret, also of thirty-two bytes")))
    assert not isinstance(refused.value, TokenIsOver)


def _headers() -> dict[str, Any]:
    return {
        "none": {"alg": "none"},
        "None": {"alg": "None"},
        "nOnE": {"alg": "nOnE"},
        "another size": {"alg": "HS512"},
        "of another kind": {"alg": "RS256"},
        "no algorithm": {"typ": "JWT"},
        "empty": {},
        "algorithm that is null": {"alg": None},
        "algorithm that is a list": {"alg": ["HS256"]},
        "algorithm that is a number": {"alg": 256},
        "critical and unknown": {"alg": "HS256", "crit": ["x"], "x": 1},
        "critical and missing": {"alg": "HS256", "crit": ["exp"]},
        "critical that is a number": {"alg": "HS256", "crit": 1},
        "not encoded": {"alg": "HS256", "b64": False, "crit": ["b64"]},
        "kid that is a number": {"alg": "HS256", "kid": 1},
        "kid that is an object": {"alg": "HS256", "kid": {"$ne": None}},
        "a list": ["alg"],
        "a text": "alg",
        "a number": 7,
        "null": None,
        "no JSON": b"\xff\xfe",
    }


@pytest.mark.parametrize("secret", [b"", SECRET.encode()], ids=["unsigned", "signed"])
@pytest.mark.parametrize("header", _headers().values(), ids=_headers())
def test_a_header_that_is_not_what_the_settings_say(header: Any, secret: bytes) -> None:
    with pytest.raises(TokenRefused):
        who(forged(header, claims_of("user-7"), secret=secret))


@pytest.mark.parametrize(("algorithm", "private"), [(TokenAlgorithm.RS256, RSA), (TokenAlgorithm.ES256, EC)])
def test_a_public_key_is_no_secret(algorithm: TokenAlgorithm, private: RSAKey | ECKey) -> None:
    """HS/RS confusion: what everybody can read is taken for the secret of an HMAC."""
    pem = private.as_pem(private=False)
    public = public_key(pem.decode(), algorithm)
    for secret in (pem, pem.rstrip(), json.dumps(private.as_dict(private=False)).encode()):
        for told in ("HS256", algorithm):
            with pytest.raises(TokenRefused):
                who(forged({"alg": told}, claims_of("user-7"), secret=secret), public, algorithm)
    with pytest.raises(ValueError):
        secret_key(pem.decode())


def test_a_token_that_another_key_signed() -> None:
    for algorithm, own, other in (
        (TokenAlgorithm.RS256, RSA, RSAKey.generate_key(2048)),
        (TokenAlgorithm.ES256, EC, ECKey.generate_key("P-256")),
    ):
        public = public_key(own.as_pem(private=False).decode(), algorithm)
        # The key that comes with the token proves nothing.
        for header in ({}, {"jwk": other.as_dict(private=False)}, {"jku": "https://evil.example/keys"}):
            with pytest.raises(TokenRefused):
                who(signed(claims_of("user-7"), key=other, algorithm=algorithm, **header), public, algorithm)


def _bent() -> dict[str, str]:
    good = token_of("user-7")
    head, body, signature = good.split(".")
    return {
        "empty": "",
        "one part": head,
        "two parts": f"{head}.{body}",
        "without its signature": f"{head}.{body}.",
        "four parts": f"{good}.x",
        "five parts, as of an encrypted one": f"{good}.x.y",
        "a thousand parts": "." * 1000,
        "another body": f"{head}.{token_of('admin').split('.')[1]}.{signature}",
        "half a signature": f"{head}.{body}.{signature[: len(signature) // 2]}",
        "not base64": f"{head}.{body}.!!!!",
        "too long": good + "A" * MAX_TOKEN_CHARS,
        "long header": forged({**HEADER, "x": "y" * 3000}, claims_of("user-7"), secret=SECRET.encode()),
        "body that is no JSON": forged(HEADER, b"{broken", secret=SECRET.encode()),
        "body that is a list": forged(HEADER, [claims_of("user-7")], secret=SECRET.encode()),
        "body that is nested": forged(HEADER, b"[" * 3000 + b"]" * 3000, secret=SECRET.encode()),
    }


@pytest.mark.parametrize("token", _bent().values(), ids=_bent())
def test_a_token_that_is_bent(token: str) -> None:
    with pytest.raises(TokenRefused):
        who(token)


@pytest.mark.filterwarnings("ignore:Key size")
def test_a_key_that_is_too_weak_or_of_another_kind_is_none() -> None:
    small, curve = RSAKey.generate_key(1024), ECKey.generate_key("P-384")
    for pem, algorithm in (
        (small.as_pem(private=False), TokenAlgorithm.RS256),
        (curve.as_pem(private=False), TokenAlgorithm.ES256),
        (RSA.as_pem(private=True), TokenAlgorithm.RS256),
        (RSA.as_pem(private=False), TokenAlgorithm.ES256),
        (EC.as_pem(private=False), TokenAlgorithm.RS256),
        (b"nonsense", TokenAlgorithm.RS256),
    ):
        with pytest.raises(ValueError):
            public_key(pem.decode(), algorithm)
    for secret in ("", "x" * 31, "길"):
        with pytest.raises(ValueError):
            secret_key(secret)


@pytest.mark.filterwarnings("ignore:Key size")
def test_only_what_may_verify_such_tokens_is_taken_from_a_set() -> None:
    good = dict(RSA.as_dict(private=False))
    assert key_of_set(good, TokenAlgorithm.RS256) is not None
    assert key_of_set({**good, "use": "sig", "alg": "RS256", "x5t": "x"}, TokenAlgorithm.RS256) is not None
    strange: list[dict[str, Any]] = [
        {**good, "use": "enc"},
        {**good, "alg": "RS512"},
        {**good, "n": 7},
        {**good, "n": ""},
        {**good, "e": "!"},
        {"kty": "RSA"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "future"},
        {},
        dict(RSA.as_dict(private=True)),
        dict(EC.as_dict(private=False)),
        dict(RSAKey.generate_key(1024).as_dict(private=False)),
    ]
    for entry in strange:
        assert key_of_set(entry, TokenAlgorithm.RS256) is None, entry


# --- What the libraries of others fell for --------------------------------------------------------------


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _raw(header: bytes, body: bytes, secret: bytes = SECRET.encode()) -> str:
    """A token of exactly these bytes, well signed."""
    told = f"{_base64(header)}.{_base64(body)}"
    return f"{told}.{_base64(hmac.digest(secret, told.encode(), 'sha256'))}"


def test_a_token_within_a_token_is_none() -> None:
    inner = token_of("admin")
    for header in (HEADER, {**HEADER, "cty": "JWT"}):
        for payload in (inner.encode(), json.dumps(inner).encode(), json.dumps([inner]).encode()):
            with pytest.raises(TokenRefused):
                who(forged(header, payload, secret=SECRET.encode()))


def test_of_two_claims_of_one_name_the_last_counts_and_a_header_is_no_way_round_the_setting() -> None:
    """Only who knows the secret can sign such a token, and every reader of ours reads it alike."""
    claims = json.dumps(claims_of("user-7"))[:-1].encode()
    header = json.dumps(HEADER).encode()
    assert who(_raw(header, claims + b', "sub": "user-8"}')) == "user-8"
    for bad in (b'"exp": 1', b'"aud": "another"', b'"iss": "https://evil.example"', b'"sub": "a b"', b'"sub": null'):
        with pytest.raises(TokenRefused):
            token = _raw(header, claims + b", " + bad + b"}")
            subject = who(token)
            if not re.search(WORD, subject):
                raise TokenRefused  # as Users.recognise does
    for twice in (b'{"alg":"none","alg":"HS512"}', b'{"alg":"HS256","alg":"none"}'):
        with pytest.raises(TokenRefused):
            who(_raw(twice, claims + b"}"))


@pytest.mark.parametrize("size", [32, 64, 72])
@pytest.mark.parametrize("byte", [b"\x00", b"\x01", b"\xff"])
def test_a_signature_of_nothing_is_none(size: int, byte: bytes) -> None:
    """r = s = 0 once passed for a signature by any ES256 key (CVE-2022-21449)."""
    ec_public = public_key(EC.as_pem(private=False).decode(), TokenAlgorithm.ES256)
    rsa_public = public_key(RSA.as_pem(private=False).decode(), TokenAlgorithm.RS256)
    for algorithm, key in ((TokenAlgorithm.ES256, ec_public), (TokenAlgorithm.RS256, rsa_public)):
        head = forged({"alg": algorithm}, claims_of("user-7"))
        for signature in (byte * size, byte * 256, b""):
            with pytest.raises(TokenRefused):
                who(head + _base64(signature), key, algorithm)


def test_a_signature_in_another_dress_is_none() -> None:
    """An ES256 signature is r and s, and not the DER that other tools make of them."""
    public = public_key(EC.as_pem(private=False).decode(), TokenAlgorithm.ES256)
    token = signed(claims_of("user-7"), key=EC, algorithm=TokenAlgorithm.ES256)
    assert who(token, public, TokenAlgorithm.ES256) == "user-7"
    told, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    for dress in (encode_dss_signature(r, s), raw[32:] + raw[:32], raw + b"\x00", b"\x00" + raw, raw[:-1]):
        with pytest.raises(TokenRefused):
            who(f"{told}.{_base64(dress)}", public, TokenAlgorithm.ES256)


@pytest.mark.parametrize(
    ("more", "harmless"),
    [
        ({"x5c": ["MIIB"]}, True),
        ({"x5u": "https://evil.example/cert"}, True),
        ({"jku": "https://evil.example/keys"}, True),
        ({"jwk": {"kty": "oct", "k": "AAAA"}}, True),
        ({"enc": "A256GCM"}, True),
        ({"crit": ["b64", "exp"], "b64": True, "exp": 1}, False),
        ({"alg": "hs256"}, False),
        ({"alg": "HS256 "}, False),
        ({"alg": "HS256\x00"}, False),
        ({"alg": "dir"}, False),
    ],
    ids=str,
)
def test_a_header_teaches_nothing(more: dict[str, Any], harmless: bool) -> None:
    """Whatever it says, only the key and the algorithm of the settings verify: what they did not sign is refused."""
    header, claims = {**HEADER, **more}, claims_of("user-7")
    for secret in (b"x" * 32, b"AAAA", b"\x00"):
        with pytest.raises(TokenRefused):
            who(forged(header, claims, secret=secret))
    genuine = forged(header, claims, secret=SECRET.encode())
    if harmless:
        assert who(genuine) == "user-7"
        return
    with pytest.raises(TokenRefused):
        who(genuine)


@pytest.mark.parametrize("key_id", ["", "a" * 1500, "../../../dev/null", "\x00", "'; DROP TABLE api_keys --", "한글"])
def test_a_name_of_a_key_is_a_name_and_no_more(key_id: str) -> None:
    token = signed(claims_of("user-7"), kid=key_id)
    assert key_id_of(token) == key_id
    assert who(token) == "user-7", "the one key of the settings verifies, whatever a token calls it"
    with pytest.raises(TokenRefused):
        who(signed(claims_of("user-7"), kid=key_id, key=OctKey.import_key("x" * 32)))


def test_what_is_large_is_refused_before_it_costs_anything() -> None:
    started = time.perf_counter()
    for token in (
        "a" * 5_000_000,
        "." * 5_000_000,
        _raw(b"{" + b'"a":' * 400 + b"1", b"{}"),
        _raw(json.dumps(HEADER).encode(), b'{"exp":' + b"9" * 5000 + b"}"),
        _raw(json.dumps({**HEADER, "kid": "k" * 5000}).encode(), b"{}"),
        _raw(json.dumps(HEADER).encode(), json.dumps(claims_of("user-7", more="x" * 9000)).encode()),
    ):
        with pytest.raises(TokenRefused):
            who(token)
    assert time.perf_counter() - started < 5, "seconds would be a way to keep the server busy"
