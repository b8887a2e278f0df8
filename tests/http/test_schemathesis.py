"""Thousands of strange requests: never a 5xx, never an answer that is not documented."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from qure.bootstrap import build
from qure.container import ProcessRole as Role
from qure.settings import Settings
from tests.support.http_service import PASSWORD
from tests.support.listening import listening_service

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
    unsupported_method,
]


@dataclass(slots=True)
class Furnished:
    """A service that listens, and people and things in it."""

    url: str
    tokens: dict[str, str]
    ids: dict[str, str]


def log_in(http: httpx.Client, email: str) -> dict[str, Any]:
    response = http.post("/api/auth/login", json={"email": email, "password": PASSWORD})
    data: dict[str, Any] = response.json()["data"]
    return data


def furnish(url: str) -> Furnished:
    with httpx.Client(base_url=url) as http:
        people = {"admin": log_in(http, "admin@example.com")}
        for name in ("patient", "other"):
            person = {"firstName": "Maria", "lastName": "Curie", "email": f"{name}@example.com"}
            secrets = {"password": PASSWORD, "confirmPassword": PASSWORD}
            assert http.post("/api/auth/register", json=person | secrets).status_code == 201
            people[name] = log_in(http, person["email"])
        tokens = {name: person["accessToken"] for name, person in people.items()}

        def post(who: str | None, path: str, body: object = None) -> dict[str, Any]:
            headers = {} if who is None else {"Authorization": f"Bearer {tokens[who]}"}
            response = http.post(f"/api{path}", json=body, headers=headers)
            assert response.status_code in (200, 201), response.text
            data: dict[str, Any] = response.json()["data"]
            return data

        place = {"name": "City", "latitude": 1, "longitude": 1, "guestJoin": True}
        clinic = post("admin", "/clinic", place)
        queue = post("admin", f"/queues/init/{clinic['id']}")
        token = post("patient", "/tokens", {"queueId": queue["id"]})
        ids = {
            "clinicId": clinic["id"],
            "queueId": queue["id"],
            "tokenId": token["id"],
            "patientId": people["patient"]["user"]["id"],
            "userId": people["other"]["user"]["id"],
            "serviceId": queue["serviceId"],
            "deskId": post("admin", f"/clinic/{clinic['id']}/desks", {"name": "Room 1"})["id"],
            "joinCode": clinic["joinCode"],
        }
        secret = post(None, f"/join/{clinic['joinCode']}")["guest"]["secret"]
        tokens["guest"] = post(None, "/guest/session", {"secret": secret})["accessToken"]
        pairing = post(None, "/displays")
        given = {"userCode": pairing["userCode"], "name": "Waiting room"}
        display = post("admin", f"/clinic/{clinic['id']}/displays", given)
        polled = {"deviceCode": pairing["deviceCode"]}
        tokens["display"] = post(None, "/displays/token", polled)["accessToken"]
        ids["displayId"] = display["id"]
        return Furnished(url, tokens, ids)


async def make_admin(settings: Settings) -> None:
    container = build(settings, role=Role.COMMAND)
    async with container.running():
        await container.use_cases.registration.create_admin(
            email="admin@example.com",
            first_name="Grace",
            last_name="Hopper",
            password=PASSWORD,
        )


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory,
    migrated_database: Path,
    key_pair: tuple[str, str],
) -> Iterator[Furnished]:
    data = tmp_path_factory.mktemp("schemathesis")
    (data / "qure.db").write_bytes(migrated_database.read_bytes())
    private, public = key_pair
    settings = Settings(
        data_dir=data, jwt_private_key=private, jwt_public_key=public, bcrypt_rounds=4
    )
    asyncio.run(make_admin(settings))
    with listening_service(settings) as url:
        yield furnish(url)


def test_no_request_whatever_breaks_anything(world: Furnished) -> None:
    document = httpx.get(f"{world.url}/docs/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=world.url)
    operations = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operations.append(found.ok())
    assert len(operations) > 70
    for operation in operations:
        try_operation(operation, GenerationMode.POSITIVE, 8, world)
        if operation.body or operation.query or operation.path_parameters:
            try_operation(operation, GenerationMode.NEGATIVE, 8, world)


def try_operation(
    operation: APIOperation[Any, Any, Any, Any],
    mode: GenerationMode,
    examples: int,
    world: Furnished,
) -> None:
    @given(
        case=operation.as_strategy(generation_mode=mode),
        who=st.sampled_from(["admin", "patient", "guest", "display"]),
    )
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def attempt(case: Case[Any], who: str) -> None:
        send(case, who)
        # And once more at things that exist: most ids that are made up do not.
        known = {name: world.ids.get(name) for name in case.path_parameters or ()}
        if known and all(known.values()):
            case.path_parameters.update(known)
            send(case, who)

    def send(case: Case[Any], who: str) -> None:
        case.call_and_validate(
            headers={"Authorization": f"Bearer {world.tokens[who]}"}, checks=CHECKS
        )

    attempt()
