"""``/api/clinic``: clinics, finding them, and who works there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.http.pictures import jpeg
from tests.support.http_service import (
    UNKNOWN,
    HttpService,
    bad_fields,
    comes_true,
    data_of,
    refused,
)

PLACE: dict[str, Any] = {"name": "City Clinic", "latitude": 40.7, "longitude": -74}


async def test_a_clinic_is_created_with_the_defaults_of_the_contract(service: HttpService) -> None:
    admin = await service.admin()
    clinic = data_of(await admin.post("/clinic", PLACE), 201)
    assert clinic == {
        "id": clinic["id"],
        "name": "City Clinic",
        "address": None,
        "latitude": 40.7,
        "longitude": -74.0,
        "phone": None,
        "email": None,
        "website": None,
        "description": None,
        "logo": None,
        "images": [],
        "isActive": True,
        "type": "GENERAL_PRACTICE",
        "openingHours": {"start": "09:00", "end": "17:00"},
        "timezone": "America/New_York",
        "languages": [],
        "maxQueueSize": 50,
        "autoOpenQueue": False,
        "createdAt": "2025-12-30T15:00:00.000Z",
        "updatedAt": "2025-12-30T15:00:00.000Z",
        "noShowMinutes": None,
        "rejoinMinutes": 30,
        "maxRejoins": 2,
        "rejoinAfter": 2,
        "refuseBelow": 0.0,
        "guestJoin": False,
        "joinCode": None,
    }


async def test_a_clinic_is_created_from_a_form_with_pictures(service: HttpService) -> None:
    admin = await service.admin()
    fields = {
        "name": "City Clinic",
        "latitude": "40.7",
        "longitude": "-74",
        "phone": "2125550123",
        "email": "Desk@Example.com",
        "website": "https://clinic.example.com",
        "openingHours": json.dumps({"start": "08:30", "end": "12:00"}),
        "type": "DENTIST",
        "timezone": "Pacific/Tongatapu",
        "languages": '["fr", "en"]',
        "maxQueueSize": "20",
        "autoOpenQueue": "true",
    }
    files = [
        ("logo", ("logo.jpg", jpeg(colour="red"), "image/jpeg")),
        ("images", ("a.jpg", jpeg(colour="green"), "image/jpeg")),
        ("images", ("b.jpg", jpeg(colour="blue"), "image/jpeg")),
    ]
    clinic = data_of(await admin.post("/clinic", data=fields, files=files), 201)
    assert (clinic["type"], clinic["maxQueueSize"], clinic["autoOpenQueue"]) == (
        "DENTIST",
        20,
        True,
    )
    assert clinic["openingHours"] == {"start": "08:30", "end": "12:00"}
    assert (clinic["email"], clinic["timezone"]) == ("desk@example.com", "Pacific/Tongatapu")
    assert clinic["languages"] == ["fr", "en"]
    assert (clinic["logo"], clinic["images"]) == (None, [])

    async def all_shown() -> bool:
        seen = data_of(await admin.get(f"/clinic/{clinic['id']}"))
        return seen["logo"] is not None and len(seen["images"]) == 2

    await comes_true(all_shown)
    seen = data_of(await admin.get(f"/clinic/{clinic['id']}"))
    for url in (seen["logo"], *seen["images"]):
        assert (await service.http.get(url)).headers["content-type"] == "image/jpeg"


async def test_eleven_images_are_one_too_many(service: HttpService) -> None:
    admin = await service.admin()
    files = [("images", (f"{n}.jpg", jpeg(), "image/jpeg")) for n in range(11)]
    fields = {"name": "City Clinic", "latitude": "40.7", "longitude": "-74"}
    assert bad_fields(await admin.post("/clinic", data=fields, files=files)) == ["images"]


async def test_a_bad_picture_is_named_by_its_place(service: HttpService) -> None:
    admin = await service.admin()
    files = [
        ("images", ("a.jpg", jpeg(), "image/jpeg")),
        ("images", ("b.jpg", b"GIF89a but no", "image/gif")),
    ]
    fields = {"name": "City Clinic", "latitude": "40.7", "longitude": "-74"}
    assert bad_fields(await admin.post("/clinic", data=fields, files=files)) == ["images.1"]


async def test_every_bad_field_of_a_form_is_listed(service: HttpService) -> None:
    admin = await service.admin()
    fields = {"name": " ", "latitude": "north", "phone": "12", "openingHours": "{", "type": "VET"}
    response = await admin.post("/clinic", files={"x": ("x", b"x")}, data=fields)
    assert bad_fields(response) == [
        "name",
        "latitude",
        "longitude",
        "phone",
        "openingHours",
        "type",
    ]


@pytest.mark.parametrize("hours", [None, "null", [], "", 9, True, {"start": "09:00"}])
async def test_opening_hours_are_a_proper_object_or_left_out(
    service: HttpService, hours: object
) -> None:
    admin = await service.admin()
    clinic = data_of(await admin.post("/clinic", PLACE), 201)
    assert clinic["openingHours"] == {"start": "09:00", "end": "17:00"}
    elsewhere = {**PLACE, "latitude": 41, "openingHours": hours}
    (path,) = bad_fields(await admin.post("/clinic", elsewhere))
    assert path.startswith("openingHours")
    (path,) = bad_fields(await admin.put(f"/clinic/{clinic['id']}", {"openingHours": hours}))
    assert path.startswith("openingHours")
    assert data_of(await admin.get("/clinic"))["pagination"]["totalCount"] == 1


async def test_everybody_sees_what_a_clinic_speaks_in_its_order_as_soon_as_it_changes(
    service: HttpService,
) -> None:
    admin, patient = await service.admin(), await service.patient()
    clinic = await service.clinic(admin, languages=["es", "en"])
    display = await service.display(admin, clinic["id"])
    path = f"/clinic/{clinic['id']}"
    lists = ("/clinic", "/clinic?latitude=40.7&longitude=-74&radius=50")
    for given, languages in (
        ({}, ["es", "en"]),
        ({"languages": ["hi", "ar", "de", "fr", "en", "es"]}, ["hi", "ar", "de", "fr", "en", "es"]),
        ({"languages": []}, []),
        ({"languages": ["de"]}, ["de"]),
        ({"languages": None}, []),
    ):
        assert data_of(await admin.put(path, given))["languages"] == languages
        for person in (admin, patient, display):
            for _ in range(2):  # The second time from memory.
                assert data_of(await person.get(path))["languages"] == languages
        for one in lists:
            (found,) = data_of(await patient.get(one))["clinics"]
            assert found["languages"] == languages


@pytest.mark.parametrize("wrong", ["en", ["xx"], ["EN"], ["en", "en"], [None], {}, 1, ["en", 7]])
async def test_a_clinic_speaks_different_ones_of_the_languages_there_are(
    service: HttpService, wrong: object
) -> None:
    admin = await service.admin()
    clinic = await service.clinic(admin, languages=["es"])
    elsewhere = {**PLACE, "latitude": 41, "languages": wrong}
    path = f"/clinic/{clinic['id']}"
    for response in (
        await admin.post("/clinic", elsewhere),
        await admin.put(path, {"languages": wrong}),
        await admin.put(path, data={"languages": json.dumps(wrong)}, files={"x": ("x", b"x")}),
    ):
        (bad,) = bad_fields(response)
        assert bad.partition(".")[0] == "languages"
    assert data_of(await admin.get(path))["languages"] == ["es"]


async def test_a_form_clears_languages_by_an_empty_text_or_list(service: HttpService) -> None:
    admin = await service.admin()
    clinic = await service.clinic(admin)
    path = f"/clinic/{clinic['id']}"
    for empty in ("", "[]"):
        for text, languages in (('["es"]', ["es"]), (empty, [])):
            form = {"data": {"languages": text}, "files": {"x": ("x", b"x")}}
            assert data_of(await admin.put(path, **form))["languages"] == languages


async def test_the_same_name_at_the_same_place_is_a_conflict(service: HttpService) -> None:
    admin = await service.admin()
    data_of(await admin.post("/clinic", PLACE), 201)
    refused(await admin.post("/clinic", PLACE), 409, "clinic_exists")
    data_of(await admin.post("/clinic", {**PLACE, "latitude": 41}), 201)


async def test_only_admins_create_and_change_clinics(service: HttpService) -> None:
    admin, patient = await service.admin(), await service.patient()
    clinic = await service.clinic(admin)
    staff = await service.staff(admin, clinic["id"])
    for person in (patient, staff):
        refused(await person.post("/clinic", PLACE), 403, "forbidden")
        refused(await person.put(f"/clinic/{clinic['id']}", {"name": "x"}), 403, "forbidden")


async def test_a_change_is_seen_at_once_and_the_rest_stays(service: HttpService) -> None:
    admin = await service.admin()
    clinic = await service.clinic(admin, phone="2125550123", address="1 Main Street")
    path = f"/clinic/{clinic['id']}"
    data_of(await admin.get(path))
    service.clock.advance(minutes=1)
    data_of(await admin.put(path, {"phone": None, "maxQueueSize": 9}))
    assert data_of(await admin.get(path)) == {
        **clinic,
        "phone": None,
        "maxQueueSize": 9,
        "updatedAt": "2025-12-30T15:01:00.000Z",
    }


async def test_what_was_read_may_be_sent_back_as_it_is(service: HttpService) -> None:
    admin = await service.admin()
    clinic = await service.clinic(admin)
    assert data_of(await admin.put(f"/clinic/{clinic['id']}", clinic)) == clinic


async def test_pictures_are_taken_away_by_null(service: HttpService) -> None:
    admin = await service.admin()
    clinic = await service.clinic(admin)
    path = f"/clinic/{clinic['id']}"
    files = [
        ("logo", ("logo.jpg", jpeg(), "image/jpeg")),
        ("images", ("a.jpg", jpeg(), "image/jpeg")),
    ]
    data_of(await admin.put(path, files=files))

    async def shown() -> bool:
        seen = data_of(await admin.get(path))
        return bool(seen["logo"] and seen["images"])

    await comes_true(shown)
    seen = data_of(await admin.get(path))
    kept = data_of(await admin.put(path, {"logo": seen["logo"], "images": seen["images"]}))
    assert (kept["logo"], kept["images"]) == (seen["logo"], seen["images"])
    gone = data_of(await admin.put(path, {"logo": None, "images": []}))
    assert (gone["logo"], gone["images"]) == (None, [])


async def test_in_a_form_an_empty_text_takes_a_picture_away_and_an_empty_file_does_not(
    service: HttpService,
) -> None:
    admin = await service.admin()
    clinic = await service.clinic(admin)
    path = f"/clinic/{clinic['id']}"
    data_of(await admin.put(path, files={"logo": ("logo.jpg", jpeg(), "image/jpeg")}))

    async def shown() -> bool:
        return data_of(await admin.get(path))["logo"] is not None

    await comes_true(shown)
    logo = data_of(await admin.get(path))["logo"]
    headers = {"content-type": "multipart/form-data; boundary=edge"}
    for disposition, kept in (
        ('name="logo"; filename=""', logo),
        ('name="logo"', None),
    ):
        form = f"--edge\r\nContent-Disposition: form-data; {disposition}\r\n\r\n\r\n--edge--\r\n"
        changed = data_of(await admin.put(path, content=form.encode(), headers=headers))
        assert changed["logo"] == kept


async def test_a_retired_clinic_is_not_listed_but_can_be_read(service: HttpService) -> None:
    admin = await service.admin()
    clinic = await service.clinic(admin)
    path = f"/clinic/{clinic['id']}"
    assert data_of(await admin.get("/clinic"))["pagination"]["totalCount"] == 1
    data_of(await admin.put(path, {"isActive": False}))
    assert data_of(await admin.get("/clinic"))["clinics"] == []
    assert data_of(await admin.get(path))["isActive"] is False


async def test_an_unknown_clinic_is_404(service: HttpService) -> None:
    admin = await service.admin()
    for response in (
        await admin.get(f"/clinic/{UNKNOWN}"),
        await admin.put(f"/clinic/{UNKNOWN}", {"name": "x"}),
        await admin.get(f"/clinic/{UNKNOWN}/staff"),
        await admin.post(f"/clinic/{UNKNOWN}/staff", {"email": "a@example.com"}),
        await admin.delete(f"/clinic/{UNKNOWN}/staff/{UNKNOWN}"),
    ):
        refused(response, 404, "clinic_not_found")


async def test_clinics_are_listed_newest_first_in_pages(service: HttpService) -> None:
    admin, patient = await service.admin(), await service.patient()
    for number in range(5):
        await service.clinic(admin, name=f"Clinic {number}")
        service.clock.advance(minutes=1)
    data = data_of(await patient.get("/clinic?page=2&limit=2"))
    assert [one["name"] for one in data["clinics"]] == ["Clinic 2", "Clinic 1"]
    assert data["pagination"] == {
        "page": 2,
        "limit": 2,
        "totalCount": 5,
        "totalPages": 3,
        "hasNextPage": True,
        "hasPrevPage": True,
    }
    assert "distance_km" not in data["clinics"][0]
    beyond = data_of(await patient.get("/clinic?page=999999999&limit=100"))
    assert beyond["clinics"] == []


async def test_clinics_are_found_by_a_plain_piece_of_the_name_and_by_type(
    service: HttpService,
) -> None:
    admin = await service.admin()
    for name, type in (("100% Teeth", "DENTIST"), ("1000 Teeth", "DENTIST"), ("Skin_deep", "ENT")):
        await service.clinic(admin, name=name, type=type)

    async def names(**query: str) -> list[str]:
        data = data_of(await admin.get("/clinic", params=query))
        return sorted(one["name"] for one in data["clinics"])

    assert await names(query="0% t") == ["100% Teeth"]
    assert await names(query="n_d") == ["Skin_deep"]
    assert await names(query="TEETH") == ["100% Teeth", "1000 Teeth"]
    assert await names(query="teeth", type="ENT") == []
    assert await names(query="") == ["100% Teeth", "1000 Teeth", "Skin_deep"]


async def test_clinics_near_a_place_come_nearest_first_with_their_distance(
    service: HttpService,
) -> None:
    admin = await service.admin()
    await service.clinic(admin, name="Philadelphia", latitude=39.9526, longitude=-75.1652)
    await service.clinic(admin, name="Newark", latitude=40.7357, longitude=-74.1724)
    await service.clinic(admin, name="Brooklyn", latitude=40.6782, longitude=-73.9442)
    query = {"latitude": "40.7128", "longitude": "-74.006", "radius": "20"}
    clinics = data_of(await admin.get("/clinic", params=query))["clinics"]
    assert [one["name"] for one in clinics] == ["Brooklyn", "Newark"]
    assert clinics[0]["distance_km"] == pytest.approx(6.5, abs=0.2)
    assert clinics[1]["distance_km"] == pytest.approx(14.3, abs=0.2)


async def test_every_bad_query_parameter_is_listed(service: HttpService) -> None:
    patient = await service.patient()
    query = "page=0&limit=101&type=VET&latitude=91&longitude=x&radius=-1"
    assert bad_fields(await patient.get(f"/clinic?{query}")) == [
        "page",
        "limit",
        "type",
        "latitude",
        "longitude",
        "radius",
    ]
    assert bad_fields(await patient.get("/clinic?radius=5")) == ["latitude", "longitude"]


async def test_a_listing_is_never_stale_after_a_change(service: HttpService) -> None:
    admin = await service.admin()
    for number in range(3):
        await service.clinic(admin)
        assert data_of(await admin.get("/clinic"))["pagination"]["totalCount"] == number + 1


async def test_a_user_becomes_staff_and_a_patient_again(service: HttpService) -> None:
    admin, patient = await service.admin(), await service.patient()
    clinic = await service.clinic(admin)
    staff_path = f"/clinic/{clinic['id']}/staff"
    assert data_of(await admin.get(staff_path)) == []
    added = data_of(await admin.post(staff_path, {"email": patient.email.upper()}), 201)
    assert (added["id"], added["role"]) == (patient.id, "STAFF")
    # The access token is the old one: what counts is the user as stored.
    me = data_of(await patient.get("/auth/me"))
    assert (me["role"], me["clinicId"]) == ("STAFF", clinic["id"])
    listed = data_of(await patient.get(staff_path))
    assert listed == [added]
    assert set(added) == {
        "id",
        "firstName",
        "lastName",
        "email",
        "role",
        "profilePicture",
        "createdAt",
    }
    assert data_of(await admin.delete(f"{staff_path}/{patient.id}")) is None
    assert data_of(await admin.get(staff_path)) == []
    refused(await patient.get(staff_path), 403, "forbidden")


async def test_nobody_is_staff_twice_and_no_admin_is_staff(service: HttpService) -> None:
    admin, other = await service.admin(), await service.admin()
    clinic = await service.clinic(admin)
    staff = await service.staff(admin, clinic["id"])
    path = f"/clinic/{clinic['id']}/staff"
    refused(await admin.post(path, {"userId": staff.id}), 409, "already_staff")
    refused(await admin.post(path, {"userId": other.id}), 409, "user_is_admin")
    refused(await admin.post(path, {"userId": UNKNOWN}), 404, "user_not_found")
    refused(await admin.post(path, {"email": "nobody@example.com"}), 404, "user_not_found")
    refused(await admin.delete(f"{path}/{other.id}"), 404, "staff_not_found")


async def test_a_staff_list_is_for_admins_and_that_clinics_own_staff(service: HttpService) -> None:
    admin, patient = await service.admin(), await service.patient()
    here, there = await service.clinic(admin), await service.clinic(admin)
    outsider = await service.staff(admin, there["id"])
    path = f"/clinic/{here['id']}/staff"
    data_of(await admin.get(path))
    for person in (patient, outsider):
        refused(await person.get(path), 403, "forbidden")
        refused(await person.post(path, {"userId": patient.id}), 403, "forbidden")
        refused(await person.delete(f"{path}/{patient.id}"), 403, "forbidden")


async def test_a_staff_list_is_never_stale_after_a_change_of_a_name(service: HttpService) -> None:
    admin = await service.admin()
    clinic = await service.clinic(admin)
    staff = await service.staff(admin, clinic["id"])
    path = f"/clinic/{clinic['id']}/staff"
    for name in ("Anna", "Berta"):
        data_of(await staff.put("/auth/me", {"firstName": name}))
        assert data_of(await admin.get(path))[0]["firstName"] == name
