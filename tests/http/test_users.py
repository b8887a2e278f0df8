"""``/api/users``: how admins find users and lock them out."""

from __future__ import annotations

from tests.support.http_service import UNKNOWN, HttpService, bad_fields, data_of, refused


async def test_an_admin_finds_users_by_address_name_and_role(service: HttpService) -> None:
    admin = await service.admin()
    await service.register("anna@example.com")
    await service.register("berta_b@example.com")

    async def found(**query: str) -> list[str]:
        data = data_of(await admin.get("/users", params=query))
        assert data["pagination"]["totalCount"] == len(data["users"])
        return sorted(one["email"] for one in data["users"])

    assert await found(query="ANNA@") == ["anna@example.com"]
    assert await found(query="a_b") == ["berta_b@example.com"]
    assert await found(query="maria cu") == ["anna@example.com", "berta_b@example.com"]
    assert await found(role="ADMIN") == [admin.email]
    assert await found(role="ADMIN", query="anna") == []


async def test_users_show_no_secret(service: HttpService) -> None:
    admin = await service.admin()
    (user,) = data_of(await admin.get("/users"))["users"]
    assert set(user) == {
        "id",
        "email",
        "firstName",
        "lastName",
        "role",
        "clinicId",
        "profilePicture",
        "createdAt",
        "isActive",
        "guest",
    }


async def test_only_admins_see_and_change_users(service: HttpService) -> None:
    admin, patient = await service.admin(), await service.patient()
    clinic = await service.clinic(admin)
    staff = await service.staff(admin, clinic["id"])
    for person in (patient, staff):
        refused(await person.get("/users"), 403, "forbidden")
        refused(await person.patch(f"/users/{admin.id}", {"isActive": False}), 403, "forbidden")


async def test_a_user_is_locked_out_and_let_in_again(service: HttpService) -> None:
    admin, patient = await service.admin(), await service.patient()
    user = data_of(await admin.patch(f"/users/{patient.id}", {"isActive": False}))
    assert user["isActive"] is False
    refused(await patient.get("/auth/me"), 401, "account_disabled")
    user = data_of(await admin.patch(f"/users/{patient.id}", {"isActive": True}))
    assert user["isActive"] is True
    refused(await patient.get("/auth/me"), 401, "session_ended")
    data_of(await (await service.log_in(patient.email)).get("/auth/me"))


async def test_nobody_locks_themselves_out(service: HttpService) -> None:
    admin = await service.admin()
    refused(
        await admin.patch(f"/users/{admin.id}", {"isActive": False}), 403, "cannot_disable_self"
    )


async def test_bad_input_and_unknown_users_are_told_apart(service: HttpService) -> None:
    admin = await service.admin()
    refused(await admin.patch(f"/users/{UNKNOWN}", {"isActive": True}), 404, "user_not_found")
    assert bad_fields(await admin.patch(f"/users/{UNKNOWN}", {"isActive": "no"})) == ["isActive"]
    assert bad_fields(await admin.patch("/users/17", {"isActive": True})) == ["userId"]
    assert bad_fields(await admin.get("/users?role=BOSS&limit=0")) == ["limit", "role"]
