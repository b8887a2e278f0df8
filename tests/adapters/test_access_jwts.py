"""Access JWTs: what we issue we believe, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization

from qure.adapters.security import access_jwts
from qure.adapters.security.access_jwts import RsaAccessJwts
from qure.adapters.security.signing_keys import SigningKeys
from qure.domain.actor import Role
from qure.domain.errors import Unauthenticated
from qure.domain.ids import ClinicId, SessionId, UserId
from qure.domain.user import User

NOW = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
LIFE = timedelta(minutes=15)
SESSION = SessionId(uuid4())


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    return SigningKeys.kept_in(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def jwts(keys: SigningKeys) -> RsaAccessJwts:
    return RsaAccessJwts(keys, life=LIFE)


@pytest.fixture
def user() -> User:
    return User.register(
        id=UserId(uuid4()),
        first_name="Ada",
        last_name="Lovelace",
        email="ada@example.com",
        password_hash="x",
        at=NOW,
    )


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = pyjwt.decode(token, options={"verify_signature": False})
    return claims


def refusal(jwts: RsaAccessJwts, token: str, at: datetime = NOW) -> str:
    with pytest.raises(Unauthenticated) as refused:
        jwts.verify(token, at=at)
    return refused.value.code


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def test_it_carries_the_claims_of_the_contract(jwts: RsaAccessJwts, user: User) -> None:
    user.role, user.clinic_id = Role.STAFF, ClinicId(uuid4())
    token = jwts.issue(user, SESSION, at=NOW)
    claims = claims_of(token)
    UUID(claims.pop("jti"))
    assert claims == {
        "id": str(user.id),
        "sub": str(user.id),
        "email": "ada@example.com",
        "role": "STAFF",
        "type": "access",
        "clinicId": str(user.clinic_id),
        "sid": str(SESSION),
        "iss": "Qure",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 15 * 60,
    }
    assert pyjwt.get_unverified_header(token)["alg"] == "RS256"


def test_somebody_without_a_clinic_has_a_null_there(jwts: RsaAccessJwts, user: User) -> None:
    assert claims_of(jwts.issue(user, SESSION, at=NOW))["clinicId"] is None


def test_no_two_are_alike(jwts: RsaAccessJwts, user: User) -> None:
    assert jwts.issue(user, SESSION, at=NOW) != jwts.issue(user, SESSION, at=NOW)


def test_what_was_issued_is_believed_by_every_process_with_the_keys(
    jwts: RsaAccessJwts, keys: SigningKeys, user: User
) -> None:
    token = jwts.issue(user, SESSION, at=NOW)
    for process in (jwts, jwts, RsaAccessJwts(keys, life=LIFE)):
        believed = process.verify(token, at=NOW)
        assert believed.actor_id == user.id
        assert believed.session_id == SESSION
        assert believed.expires_at == NOW.replace(microsecond=0) + LIFE


def test_it_expires_to_the_second_whether_remembered_or_not(
    jwts: RsaAccessJwts, keys: SigningKeys, user: User
) -> None:
    token = jwts.issue(user, SESSION, at=NOW)
    end = NOW.replace(microsecond=0) + LIFE
    jwts.verify(token, at=end - timedelta(milliseconds=1))
    for process in (jwts, jwts, RsaAccessJwts(keys, life=LIFE)):
        assert refusal(process, token, at=end) == "token_expired"


def test_one_from_the_future_is_refused_whether_remembered_or_not(
    jwts: RsaAccessJwts, keys: SigningKeys, user: User
) -> None:
    token = jwts.issue(user, SESSION, at=NOW)
    jwts.verify(token, at=NOW - timedelta(seconds=4))  # clocks of two machines differ a little
    for process in (jwts, RsaAccessJwts(keys, life=LIFE)):
        assert refusal(process, token, at=NOW - timedelta(seconds=7)) == "invalid_token"


@pytest.fixture
def worked_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The JWTs whose signature was worked out, one by one."""
    decode, seen = pyjwt.decode, list[str]()

    def noted(jwt: str, *args: Any, **kwargs: Any) -> Any:
        seen.append(jwt)
        return decode(jwt, *args, **kwargs)

    monkeypatch.setattr(pyjwt, "decode", noted)
    return seen


def test_the_signature_is_worked_out_once(
    jwts: RsaAccessJwts, user: User, worked_out: list[str]
) -> None:
    token = jwts.issue(user, SESSION, at=NOW)
    for _ in range(5):
        jwts.verify(token, at=NOW)
    assert worked_out == [token]
    for _ in range(2):
        refusal(jwts, token + "x")
    assert len(worked_out) == 3  # a refusal is not remembered


def test_no_more_are_remembered_than_the_bound_and_those_that_came_last(
    keys: SigningKeys, user: User, worked_out: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_jwts, "REMEMBERED", 3)
    jwts = RsaAccessJwts(keys, life=LIFE)
    tokens = [jwts.issue(user, SESSION, at=NOW) for _ in range(10)]
    for token in tokens:
        jwts.verify(tokens[0], at=NOW)
        jwts.verify(token, at=NOW)
    assert worked_out == tokens
    for token in (tokens[8], tokens[0], tokens[9]):
        jwts.verify(token, at=NOW)
    assert worked_out == tokens
    jwts.verify(tokens[7], at=NOW)
    assert worked_out == [*tokens, tokens[7]]


def test_no_other_algorithm_is_believed(jwts: RsaAccessJwts, keys: SigningKeys, user: User) -> None:
    claims = claims_of(jwts.issue(user, SESSION, at=NOW))
    public_pem = keys.public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for algorithm in ("none", "None", "nOnE"):
        head = f"{encoded({'alg': algorithm, 'typ': 'JWT'})}.{encoded(claims)}"
        assert refusal(jwts, f"{head}.") == "invalid_token"
    head = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded(claims)}"
    signature = hmac.new(public_pem, head.encode(), hashlib.sha256).digest()
    forged = f"{head}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    assert refusal(jwts, forged) == "invalid_token"
    for algorithm in ("RS384", "RS512", "PS256"):
        assert refusal(jwts, pyjwt.encode(claims, keys.private, algorithm)) == "invalid_token"


def test_a_changed_claim_or_another_key_is_not_believed(
    jwts: RsaAccessJwts, user: User, tmp_path: Any
) -> None:
    token = jwts.issue(user, SESSION, at=NOW)
    head, _, signature = token.split(".")
    changed = encoded({**claims_of(token), "role": "ADMIN"})
    assert refusal(jwts, f"{head}.{changed}.{signature}") == "invalid_token"
    stranger = RsaAccessJwts(SigningKeys.kept_in(tmp_path), life=LIFE)
    assert refusal(jwts, stranger.issue(user, SESSION, at=NOW)) == "invalid_token"


@pytest.mark.parametrize(
    "missing", ["exp", "iat", "id", "sub", "sid", "type", "iss"], ids=lambda name: f"no-{name}"
)
def test_every_claim_that_counts_must_be_there(
    jwts: RsaAccessJwts, keys: SigningKeys, user: User, missing: str
) -> None:
    claims = claims_of(jwts.issue(user, SESSION, at=NOW))
    del claims[missing]
    assert refusal(jwts, pyjwt.encode(claims, keys.private, "RS256")) == "invalid_token"


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "Other"},
        {"iss": ["Qure"]},
        {"type": "refresh"},
        {"sub": "afe82ab3-34dd-48c4-b9f0-86dbee211c7f"},
        {"id": "1", "sub": "1"},
        {"id": 1, "sub": 1},
        {"id": None, "sub": None},
        {"sid": "x"},
        {"sid": 7},
        {"exp": "tomorrow"},
        {"exp": True},
        {"exp": 1e12},
        {"exp": 10**40},
        {"exp": None},
        {"iat": "0"},
        {"iat": -(10**40)},
        {"nbf": int(NOW.timestamp()) + 3600},
        {"nbf": "x"},
    ],
    ids=str,
)
def test_a_claim_with_a_wrong_value_is_not_believed(
    jwts: RsaAccessJwts, keys: SigningKeys, user: User, wrong: dict[str, Any]
) -> None:
    claims = {**claims_of(jwts.issue(user, SESSION, at=NOW)), **wrong}
    # Signed below PyJWT's own look at the claims: whoever has the key can sign anything.
    token = pyjwt.PyJWS().encode(json.dumps(claims).encode(), keys.private, "RS256")
    assert refusal(jwts, token) == "invalid_token"


@pytest.mark.parametrize(
    "garbage",
    ["", ".", "..", "a.b.c", "Bearer x", "é.é.é", "\ud800", "\0", "x" * 1_000_000, "." * 8000],
    ids=lambda garbage: repr(garbage[:8]),
)
def test_garbage_is_refused(jwts: RsaAccessJwts, garbage: str) -> None:
    assert refusal(jwts, garbage) == "invalid_token"


def test_a_very_long_one_is_refused_before_anybody_looks_into_it(
    jwts: RsaAccessJwts, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    user.email = "a" * 9000
    token = jwts.issue(user, SESSION, at=NOW)
    monkeypatch.setattr(pyjwt, "decode", lambda *_, **__: pytest.fail("looked into it"))
    assert refusal(jwts, token) == "invalid_token"


def test_deeply_nested_claims_are_refused(jwts: RsaAccessJwts, keys: SigningKeys) -> None:
    nested = b"[" * 2000 + b"]" * 2000
    for payload in (nested, b'{"id":' + nested + b"}", b"[]", b"null", b'"x"'):
        token = pyjwt.PyJWS().encode(payload, keys.private, "RS256")
        assert refusal(jwts, token) == "invalid_token"
