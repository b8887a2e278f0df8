"""Who may do what: every call of the API, asked by everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from qure.entrypoints.http.openapi import operations
from tests.support.bodies import without_waits
from tests.support.http_service import HttpService, Person, Thing, data_of, refused, take

PATIENT = frozenset({"patient"})  # Whose token it is.
PATIENTS = frozenset({"patient", "other"})
GUEST = frozenset({"guest"})
STAFF = frozenset({"staff"})
OUTSIDER = frozenset({"outsider"})  # Staff of another clinic.
ADMIN = frozenset({"admin"})
DISPLAY = frozenset({"display"})  # Of this clinic.

DESK = STAFF | ADMIN
ACCOUNTS = PATIENTS | DESK | OUTSIDER
PEOPLE = ACCOUNTS | GUEST
ANYBODY = PEOPLE | DISPLAY

RIGHTS: Mapping[str, tuple[Thing | None, frozenset[str]]] = {
    "GET /api/auth/me": (None, ACCOUNTS),
    "PUT /api/auth/me": ({"firstName": "Maria"}, ACCOUNTS),
    "PUT /api/auth/update-password": (
        {"oldPassword": "wrong!", "newPassword": "secret2", "confirmNewPassword": "secret2"},
        ACCOUNTS,
    ),
    "GET /api/auth/sessions": (None, ACCOUNTS),
    "DELETE /api/auth/sessions/{unknown}": (None, ACCOUNTS),
    "GET /api/clinic": (None, PEOPLE),
    "POST /api/clinic": ({"name": "New", "latitude": 1, "longitude": 1}, ADMIN),
    "GET /api/clinic/{clinic}": (None, ANYBODY),
    "PUT /api/clinic/{clinic}": ({"name": "Renamed"}, ADMIN),
    "GET /api/clinic/{clinic}/join-code": (None, DESK),
    "POST /api/clinic/{clinic}/join-code": (None, ADMIN),
    "GET /api/clinic/{clinic}/staff": (None, DESK),
    "POST /api/clinic/{clinic}/staff": ({"email": "nobody@example.com"}, ADMIN),
    "DELETE /api/clinic/{clinic}/staff/{unknown}": (None, ADMIN),
    "GET /api/clinic/{clinic}/services": (None, ANYBODY),
    "POST /api/clinic/{clinic}/services": ({"name": "X-ray"}, ADMIN),
    "PUT /api/services/{service}": ({"name": "Samples"}, ADMIN),
    "GET /api/clinic/{clinic}/queues": (None, ANYBODY),
    "GET /api/clinic/{clinic}/wait-accuracy": (None, ANYBODY),
    "GET /api/clinic/{clinic}/desks": (None, DESK),
    "POST /api/clinic/{clinic}/desks": ({"name": "Room 9"}, ADMIN),
    "PUT /api/desks/{desk}": ({"name": "Room 8"}, ADMIN),
    "POST /api/desks/{desk}/open": (None, DESK),
    # The staff member sits there by now: see the order below.
    "POST /api/desks/{desk}/pause": (None, DESK),
    "POST /api/desks/{desk}/resume": (None, DESK),
    "POST /api/desks/{desk}/call-next": (None, STAFF),
    "POST /api/desks/{desk}/close": (None, DESK),
    "GET /api/settings": (None, ADMIN),
    "GET /api/users": (None, ADMIN),
    "PATCH /api/users/{unknown}": ({"isActive": True}, ADMIN),
    "POST /api/queues/init/{clinic}": (None, DESK),
    "GET /api/queues/{clinic}": (None, ANYBODY),
    "GET /api/queues/{queue}/status": (None, ANYBODY),
    "GET /api/queues/{queue}/wait": (None, ANYBODY),
    "POST /api/queues/{queue}/what-if": ({"desks": 2}, DESK),
    "PATCH /api/queues/{queue}/status": ({"isActive": True}, DESK),
    "PUT /api/queues/{queue}/notice": ({"kind": "PAUSE"}, DESK),
    "DELETE /api/queues/{queue}/notice": (None, DESK),
    "GET /api/queues/{queue}/board": (None, DESK),
    "POST /api/queues/{queue}/call-next": (None, DESK),
    "POST /api/queues/{queue}/undo": (None, DESK),
    "POST /api/queues/{queue}/walk-ins": (None, DESK),
    "POST /api/tokens": ({"queueId": "{queue}"}, PATIENTS),
    "GET /api/tokens/{patient}": (None, PATIENT),
    "GET /api/tokens/{patient}/today": (None, PATIENT),
    "GET /api/tokens/queue/{queue}": (None, DESK),
    "GET /api/tokens/{token}/place": (None, PATIENT | DESK),
    "GET /api/tokens/{token}/history": (None, PATIENT | DESK),
    "POST /api/tokens/{token}/call": (None, DESK),
    "POST /api/tokens/{token}/recall": (None, DESK),
    "POST /api/tokens/{token}/start": (None, DESK),
    "POST /api/tokens/{token}/return": (None, DESK),
    "POST /api/tokens/{token}/hold": (None, PATIENT | DESK),
    "POST /api/tokens/{token}/resume": (None, PATIENT | DESK),
    "POST /api/tokens/{token}/postpone": ({"pass": 1}, PATIENT),
    "PUT /api/tokens/{token}/priority": ({"priority": "URGENT"}, DESK),
    "POST /api/tokens/{token}/skip": (None, DESK),
    "POST /api/tokens/{token}/rejoin": (None, PATIENT | DESK),
    "POST /api/tokens/{token}/transfer": ({"serviceId": "{service}"}, DESK),
    "POST /api/tokens/{token}/complete": (None, DESK),
    "POST /api/tokens/{token}/cancel": (None, PATIENT | DESK),
    "DELETE /api/tokens/{token}": (None, PATIENT),
    "POST /api/tokens/{token}/guest-link": (None, DESK),
    "GET /api/clinic/{clinic}/displays": (None, DESK),
    "POST /api/clinic/{clinic}/displays": ({"userCode": "BCDFGHJK", "name": "x"}, DESK),
    "DELETE /api/displays/{display}": (None, DESK),
    "POST /api/queues/{queue}/close": (None, DESK),
}
"""In the order in which they are asked."""


@dataclass(slots=True)
class World:
    """A clinic in the midst of its day, and everybody there may be."""

    people: dict[str, Person]
    ids: dict[str, str]

    async def ask(self, who: str, call: str, given: Thing | None) -> httpx.Response:
        method, path = call.split(" ")
        body: Any = given
        for name, id in self.ids.items():
            path = path.replace(f"{{{name}}}", id)
            if given is not None:
                body = {key: id if value == f"{{{name}}}" else value for key, value in body.items()}
        return await self.people[who].call(method, path.removeprefix("/api"), body)


@pytest.fixture
async def world(service: HttpService) -> World:
    admin = await service.admin()
    clinic, elsewhere = await service.clinic(admin), await service.clinic(admin)
    staff = await service.staff(admin, clinic["id"])
    blood = await service.add_service(admin, clinic["id"], "Blood tests")
    queue = await service.queue(staff, clinic["id"])
    patient, other = await service.patient(), await service.patient()
    token = await take(patient, queue)
    await take(other, queue)
    guest, _ = await service.walk_in(staff, queue)
    display = await service.display(staff, clinic["id"])
    return World(
        {
            "patient": patient,
            "other": other,
            "guest": guest,
            "staff": staff,
            "outsider": await service.staff(admin, elsewhere["id"]),
            "admin": admin,
            "display": display,
        },
        {
            "clinic": clinic["id"],
            "service": blood["id"],
            "queue": queue["id"],
            "desk": (await service.add_desk(admin, clinic["id"]))["id"],
            "token": token["id"],
            "patient": patient.id,
            "display": display.id,
            "unknown": "0193f3d0-0000-7000-8000-000000000009",
        },
    )


def test_every_call_that_is_not_public_is_in_the_table(service: HttpService) -> None:
    def shape(call: str) -> str:
        return "/".join("{}" if part.startswith("{") else part for part in call.split("/"))

    listed = {shape(call) for call in RIGHTS}
    served = {
        shape(f"{method.upper()} {path}")
        for path, method, one in operations(service.routes)
        if not one.public
    }
    assert listed == served


async def test_everybody_else_is_refused_and_nothing_changes(world: World) -> None:
    async def everything() -> Any:
        admin = world.people["admin"]
        return [
            without_waits(data_of(await admin.get(path.format(**world.ids))))
            for path in (
                "/clinic/{clinic}",
                "/clinic/{clinic}/services",
                "/clinic/{clinic}/desks",
                "/clinic/{clinic}/displays",
                "/queues/{queue}/board",
                "/tokens/queue/{queue}",
                "/users",
            )
        ]

    # Where somebody sits, not even an admin calls.
    data_of(await world.people["staff"].post(f"/desks/{world.ids['desk']}/open"))
    before = await everything()
    asked = 0
    for call, (given, may) in RIGHTS.items():
        for who in sorted(ANYBODY - may):
            response = await world.ask(who, call, given)
            assert response.status_code == 403, (who, call, response.text)
            refused(response, 403, "forbidden")
            asked += 1
    assert asked > 200
    assert await everything() == before


async def test_whoever_may_is_not_refused(world: World) -> None:
    for call, (given, may) in RIGHTS.items():
        # Staff first: then they sit at the desk.
        for who in sorted(may, key=lambda who: (who != "staff", who)):
            response = await world.ask(who, call, given)
            assert response.status_code not in (401, 403), (who, call, response.text)
            assert response.status_code < 500, (who, call, response.text)
