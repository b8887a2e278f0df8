"""Who is asking: the access JWT of every request that needs one."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest
from litestar.routes import HTTPRoute

from qure.entrypoints.http.operation import OPERATION
from qure.settings import Settings
from tests.support.http_service import HttpService, Person, data_of, refused

ID = "0193f3d0-0000-7000-8000-000000000009"


def calls(service: HttpService) -> list[tuple[str, str, bool]]:
    """Every call of the API: method, path with ids filled in, whether it is public."""
    found: list[tuple[str, str, bool]] = []
    for route in service.routes.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                if OPERATION in handler.opt:
                    path = route.path_format
                    for name in route.path_parameters:
                        path = path.replace("{" + name + "}", ID)
                    found.append((str(method), path, handler.opt[OPERATION].public))
    return found


async def test_every_call_but_the_public_ones_needs_a_login(service: HttpService) -> None:
    asked = calls(service)
    assert len(asked) > 30
    for method, path, public in asked:
        response = await service.http.request(method, path)
        if public:
            assert response.status_code != 401, path
        else:
            refused(response, 401, "unauthenticated")
            assert response.headers["www-authenticate"] == 'Bearer realm="Qure"'


def test_what_is_public_is_what_the_contract_says(service: HttpService) -> None:
    assert sorted(path for _, path, public in calls(service) if public) == [
        "/",
        "/api/auth/login",
        "/api/auth/logout",
        "/api/auth/refresh-token",
        "/api/auth/register",
        "/api/displays",
        "/api/displays/token",
        "/api/guest/session",
        f"/api/join/{ID}",
        f"/api/join/{ID}",
        "/api/setup",
        "/api/setup",
        "/health",
        "/health/ready",
    ]


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Basic bWU6bWU=", "Token abc", "bearer", "Bearer:abc"]
)
async def test_a_header_that_names_no_bearer_is_as_if_there_were_none(
    service: HttpService, header: str
) -> None:
    response = await service.http.get("/api/auth/me", headers={"Authorization": header})
    assert response.status_code == 401
    assert response.json()["code"] in ("unauthenticated", "invalid_token")


@pytest.mark.parametrize("value", ["abc", "a.b.c", "x" * 100_000, "é.é.é", "null", "a b"])
async def test_what_is_no_jwt_is_not_believed(service: HttpService, value: str) -> None:
    response = await service.http.get(
        "/api/auth/me", headers=[(b"authorization", b"Bearer " + value.encode())]
    )
    refused(response, 401, "invalid_token")


async def test_the_scheme_may_be_written_in_any_case(service: HttpService) -> None:
    patient = await service.patient()
    headers = {"Authorization": f"bEARER  {patient.access_token} "}
    data_of(await service.http.get("/api/auth/me", headers=headers))


async def test_an_expired_jwt_is_told_from_a_bad_one(service: HttpService) -> None:
    patient = await service.patient()
    data_of(await patient.get("/auth/me"))
    service.clock.advance(minutes=15)
    refused(await patient.get("/auth/me"), 401, "token_expired")


def forged(person: Person, key: str, algorithm: str, **changes: object) -> str:
    claims = jwt.decode(person.access_token, options={"verify_signature": False}) | changes
    return jwt.encode(claims, key, algorithm=algorithm)


async def test_only_our_own_rs256_is_believed(
    service: HttpService, key_pair: tuple[str, str], settings: Settings
) -> None:
    import base64
    import hashlib
    import hmac
    import json

    private, public = key_pair
    patient = await service.patient()
    claims = jwt.decode(patient.access_token, options={"verify_signature": False})

    def packed(part: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()

    unsigned = f"{packed({'alg': 'none', 'typ': 'JWT'})}.{packed(claims)}."
    # pyjwt refuses to sign with a public key, so the attack is put together by hand.
    head = f"{packed({'alg': 'HS256', 'typ': 'JWT'})}.{packed(claims)}"
    mac = hmac.new(public.encode(), head.encode(), hashlib.sha256).digest()
    confused = f"{head}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    later = int((service.clock.now() + timedelta(hours=1)).timestamp())
    attempts = [
        unsigned,
        confused,
        forged(patient, "guessed" * 10, "HS256"),
        forged(patient, private, "RS512"),
        forged(patient, private, "RS256", iss="Somebody"),
        forged(patient, private, "RS256", type="refresh"),
        forged(patient, private, "RS256", sub=ID),
        forged(patient, private, "RS256", nbf=later),
        patient.access_token[:-6],
        patient.access_token + "x",
    ]
    for attempt in attempts:
        response = await service.http.get(
            "/api/auth/me", headers={"Authorization": f"Bearer {attempt}"}
        )
        refused(response, 401, "invalid_token")


async def test_a_jwt_of_a_login_that_never_was_is_not_enough(
    service: HttpService, key_pair: tuple[str, str]
) -> None:
    patient = await service.patient()
    token = forged(patient, key_pair[0], "RS256", sid=ID)
    response = await service.http.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
    refused(response, 401, "session_ended")
