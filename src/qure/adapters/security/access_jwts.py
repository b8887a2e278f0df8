"""Access JWTs (RFC 7519), signed and checked with RS256 and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt as pyjwt
from cachetools import LRUCache
from cryptography.hazmat.primitives import serialization
from jwt.types import Options

from qure.adapters.security.signing_keys import SigningKeys
from qure.application.ports.gateways import AccessClaims
from qure.domain.errors import Unauthenticated
from qure.domain.ids import SessionId, UserId
from qure.domain.user import User

MAX_JWT_LENGTH = 8192
REMEMBERED = 8192
CLOCK_LEEWAY = timedelta(seconds=5)
"""How far the clock of the process that signed may be ahead of the one that checks."""

ALGORITHM = "RS256"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHECKED_BY_PYJWT: Options = {
    "require": ["exp", "iat", "iss", "sub"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}
"""Times are held against the caller's clock, by us."""


class RsaAccessJwts:
    """Issues JWTs that live ``life``, and believes those that ``keys`` signed.

    A JWT that was believed is remembered until it expires, so that checking its signature is
    paid for once; whether its session still stands is not this class's to say.
    """

    def __init__(
        self,
        keys: SigningKeys,
        *,
        life: timedelta,
        issuer: str = "Qure",
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        self._keys = keys
        self._life = life
        self._issuer = issuer
        self._new_id = new_id
        # Nothing reads it yet: it lets a later version tell by which of several keys it was signed.
        self._header = {"kid": _key_id(keys)}
        self._believed: LRUCache[str, tuple[datetime, AccessClaims]] = LRUCache(REMEMBERED)

    def issue(self, user: User, session_id: SessionId, *, at: datetime) -> str:
        """A JWT for that user and login, valid from ``at`` on."""
        issued_at = int(at.timestamp())
        claims = {
            "id": str(user.id),
            "email": user.email,
            "role": user.role.value,
            "type": "access",
            "clinicId": str(user.clinic_id) if user.clinic_id else None,
            "sid": str(session_id),
            "sub": str(user.id),
            "jti": str(self._new_id()),
            "iss": self._issuer,
            "iat": issued_at,
            "exp": issued_at + int(self._life.total_seconds()),
        }
        return pyjwt.encode(claims, self._keys.private, algorithm=ALGORITHM, headers=self._header)

    def verify(self, jwt: str, *, at: datetime) -> AccessClaims:
        """Raises ``Unauthenticated`` (``token_expired``, ``invalid_token``)."""
        remembered = self._believed.get(jwt)
        if remembered is None:
            if len(jwt) > MAX_JWT_LENGTH:
                raise _invalid()
            remembered = self._believed[jwt] = self._read(jwt)
        valid_from, claims = remembered
        if at < valid_from:
            raise _invalid()
        if at >= claims.expires_at:
            del self._believed[jwt]
            raise Unauthenticated("token_expired", "Your access token has expired.")
        return claims

    def _read(self, jwt: str) -> tuple[datetime, AccessClaims]:
        """Everything but the time: signature, issuer, and a claim set that is one of ours."""
        try:
            claims: dict[str, Any] = pyjwt.decode(
                jwt,
                self._keys.public,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                options=_CHECKED_BY_PYJWT,
            )
            if claims["type"] != "access" or claims["id"] != claims["sub"]:
                raise _invalid()
            valid_from = max(_instant(claims["iat"]), _instant(claims.get("nbf", 0)))
            return valid_from - CLOCK_LEEWAY, AccessClaims(
                actor_id=UserId(UUID(claims["id"])),
                session_id=SessionId(UUID(claims["sid"])),
                expires_at=_instant(claims["exp"]),
            )
        except (
            pyjwt.InvalidTokenError,
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
            OverflowError,
            RecursionError,
        ) as fault:
            raise _invalid() from fault


def _instant(claim: object) -> datetime:
    if type(claim) is not int:
        raise TypeError("not a whole number of seconds")
    return _EPOCH + timedelta(seconds=claim)


def _key_id(keys: SigningKeys) -> str:
    public = keys.public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(public).hexdigest()[:16]


def _invalid() -> Unauthenticated:
    return Unauthenticated("invalid_token", "Your access token is not valid.")
