"""What a client may send, and every complaint about it at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from typing import Any
from uuid import UUID

import msgspec
import pytest

from qure.domain.clinic import ClinicType
from qure.domain.clinic import OpeningHours as Hours
from qure.domain.errors import Invalid
from qure.wire import requests
from qure.wire.parsing import Fields, parse

PERSON = {
    "firstName": "Maria",
    "lastName": "Curie",
    "email": "maria@example.com",
    "password": "secret1",
    "confirmPassword": "secret1",
}
PLACE: dict[str, Any] = {"name": "City Clinic", "latitude": 40.7, "longitude": -74}


def bad_paths(request: type[Fields], given: object, *, text: bool = False) -> list[str]:
    with pytest.raises(Invalid) as caught:
        parse(request, given, text=text)
    assert all(error.message.endswith(".") for error in caught.value.errors)
    return [error.path for error in caught.value.errors]


def test_every_missing_field_is_named_at_once() -> None:
    assert bad_paths(requests.Register, {}) == [
        "firstName",
        "lastName",
        "email",
        "password",
        "confirmPassword",
    ]


def test_every_bad_field_is_named_at_once_as_the_client_wrote_it() -> None:
    given = {"firstName": "Jo", "lastName": 7, "email": "nobody", "password": "12345"}
    assert bad_paths(requests.Register, given) == [
        "firstName",
        "lastName",
        "email",
        "password",
        "confirmPassword",
    ]


def test_a_right_registration_is_taken_trimmed_and_normalised() -> None:
    made = parse(
        requests.Register,
        {**PERSON, "firstName": "  Maria ", "email": " Maria@Example.COM ", "role": "ADMIN"},
    )
    assert (made.first_name, made.email) == ("Maria", "maria@example.com")
    assert not hasattr(made, "role")


def test_the_confirmation_must_equal_the_password() -> None:
    assert bad_paths(requests.Register, {**PERSON, "confirmPassword": "other99"}) == [
        "confirmPassword"
    ]


@pytest.mark.parametrize("path", ["firstName", "lastName", "email", "password", "confirmPassword"])
@pytest.mark.parametrize("value", [None, 5, True, [], {}, "", "a\x00bcdef", "x" * 10_000])
def test_no_field_of_a_registration_takes_the_wrong_thing(path: str, value: object) -> None:
    assert path in bad_paths(requests.Register, {**PERSON, path: value})


@pytest.mark.parametrize("name", ["Jo", "   Jo   ", "Ma\nria", "Ma\ud800ria", "x" * 101])
def test_a_name_is_one_line_of_3_to_100_characters(name: str) -> None:
    assert bad_paths(requests.Register, {**PERSON, "firstName": name}) == ["firstName"]


@pytest.mark.parametrize("name", ["Zoë", "李小龙", "x" * 100])
def test_a_name_may_be_in_any_script(name: str) -> None:
    assert parse(requests.Register, {**PERSON, "firstName": name}).first_name == name


@pytest.mark.parametrize("email", ["a", "a@", "@b.co", "a b@c.de", "a@b", "a@b..co", "a@[1.2.3.4]"])
def test_a_bad_address_is_refused(email: str) -> None:
    assert bad_paths(requests.Register, {**PERSON, "email": email}) == ["email"]


@pytest.mark.parametrize("email", ["a@clinic.local", "a@b.test", "a+b@example.co.uk"])
def test_an_address_needs_no_mail_server_to_be_a_login(email: str) -> None:
    assert parse(requests.Register, {**PERSON, "email": email}).email == email


def test_a_password_is_at_most_1000_characters_however_many_bytes_that_is() -> None:
    fits, too_long = "🔑" * 1000, "x" * 1001
    made = parse(requests.Register, {**PERSON, "password": fits, "confirmPassword": fits})
    assert made.password == fits
    assert parse(requests.LogIn, {"email": "a@b.co", "password": fits}).password == fits
    given = {**PERSON, "password": too_long, "confirmPassword": too_long}
    assert bad_paths(requests.Register, given) == ["password", "confirmPassword"]
    assert bad_paths(requests.LogIn, {"email": "a@b.co", "password": too_long}) == ["password"]


def test_a_password_is_not_trimmed() -> None:
    given = {**PERSON, "password": " secret ", "confirmPassword": " secret "}
    assert parse(requests.Register, given).password == " secret "


def test_a_new_password_differs_from_the_old_one_and_is_confirmed() -> None:
    given = {"oldPassword": "secret1", "newPassword": "secret1", "confirmNewPassword": "secret2"}
    assert bad_paths(requests.ChangePassword, given) == ["newPassword", "confirmNewPassword"]


def test_a_bad_field_within_an_object_is_named_by_its_path() -> None:
    given = {"email": "a@b.co", "password": "secret1", "deviceInfo": {"userAgent": 7}}
    assert bad_paths(requests.LogIn, given) == ["deviceInfo.userAgent"]
    assert bad_paths(requests.LogIn, {**given, "deviceInfo": "iPhone"}) == ["deviceInfo"]


def test_a_user_agent_is_cut_rather_than_refused() -> None:
    given = {"email": "a@b.co", "password": "secret1", "deviceInfo": {"userAgent": "x\n" * 2000}}
    device = parse(requests.LogIn, given).device_info
    assert device is not None
    assert device.user_agent == "x" * 512


def test_a_device_may_be_absent_null_or_say_nothing() -> None:
    given = {"email": "a@b.co", "password": "secret1"}
    assert parse(requests.LogIn, given).device_info is None
    assert parse(requests.LogIn, {**given, "deviceInfo": None}).device_info is None
    assert parse(requests.LogIn, {**given, "deviceInfo": {}}) == requests.LogIn(
        email="a@b.co", password="secret1", device_info=requests.DeviceInfo()
    )


def test_a_clinic_has_the_defaults_of_the_contract() -> None:
    made = parse(requests.CreateClinic, PLACE)
    assert made.type is ClinicType.GENERAL_PRACTICE
    assert (made.max_queue_size, made.auto_open_queue) == (50, False)
    assert made.opening_hours is msgspec.UNSET
    assert made.timezone is None


def test_null_for_what_may_be_left_out_is_as_if_it_were_left_out() -> None:
    nulls = {field.encode_name: None for field in msgspec.structs.fields(requests.CreateClinic)}
    del nulls["openingHours"]
    assert parse(requests.CreateClinic, {**nulls, **PLACE}) == parse(requests.CreateClinic, PLACE)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", ""),
        ("name", "  "),
        ("name", "x" * 201),
        ("latitude", 90.0001),
        ("latitude", -91),
        ("latitude", "40.7"),
        ("latitude", True),
        ("latitude", float("nan")),
        ("longitude", 180.5),
        ("longitude", float("inf")),
        ("phone", "123456789"),
        ("phone", "12345678901"),
        ("phone", "12345 7890"),
        ("phone", "１２３４５６７８９０"),
        ("phone", "1234567890\n"),
        ("phone", 1234567890),
        ("email", "clinic"),
        ("website", "ftp://clinic.example.com"),
        ("website", "javascript:alert(1)"),
        ("website", "http://"),
        ("website", "http://a b"),
        ("website", "http://:80"),
        ("website", "https://a.example:0"),
        ("website", "https://a.example:99999"),
        ("website", "https://[a"),
        ("website", "https://a.example/" + "x" * 2048),
        ("description", "x" * 5001),
        ("description", "a\x00b"),
        ("address", "x" * 501),
        ("type", "VET"),
        ("type", "dentist"),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../etc/passwd"),
        ("timezone", "/etc/localtime"),
        ("timezone", ""),
        ("maxQueueSize", 0),
        ("maxQueueSize", 1001),
        ("maxQueueSize", "20"),
        ("maxQueueSize", 20.5),
        ("autoOpenQueue", "true"),
        ("autoOpenQueue", 1),
        ("openingHours", "nine to five"),
        ("openingHours", "[]"),
        ("openingHours", '{"a":' * 20_000),
        ("openingHours", 9),
        ("openingHours", None),
        ("openingHours", ""),
        ("openingHours", "null"),
        ("openingHours", "true"),
        ("openingHours", '"null"'),
        ("openingHours", []),
        ("openingHours", False),
        ("languages", "en"),
        ("languages", '["en"'),
        ("languages", {"en": 1}),
        ("languages", ["en", "es", "en"]),
        ("languages", ["en", "es", "fr", "de", "hi", "ar", "en"]),
    ],
)
def test_no_field_of_a_clinic_takes_the_wrong_thing(path: str, value: object) -> None:
    assert bad_paths(requests.CreateClinic, {**PLACE, path: value}) == [path]


@pytest.mark.parametrize(
    ("hours", "path"),
    [
        ({"start": "09:00"}, "openingHours.end"),
        ({"start": "9:00", "end": "17:00"}, "openingHours.start"),
        ({"start": "09:00", "end": "24:00"}, "openingHours.end"),
        ({"start": "09:00", "end": "17:00\n"}, "openingHours.end"),
        ({"start": "17:00", "end": "09:00"}, "openingHours.end"),
        ({"start": "09:00", "end": "09:00"}, "openingHours.end"),
    ],
)
def test_opening_hours_end_after_they_start(hours: dict[str, str], path: str) -> None:
    assert bad_paths(requests.CreateClinic, {**PLACE, "openingHours": hours}) == [path]


def test_opening_hours_may_be_an_object_or_text_that_holds_one() -> None:
    hours = {"start": "08:30", "end": "12:00"}
    for given in (hours, msgspec.json.encode(hours).decode()):
        made = parse(requests.CreateClinic, {**PLACE, "openingHours": given}).opening_hours
        assert made is not None
        assert made is not msgspec.UNSET
        assert made.hours() == Hours(time(8, 30), time(12))


def test_languages_keep_their_order_and_may_be_a_list_or_text_that_holds_one() -> None:
    all_there_are = ("ar", "hi", "de", "fr", "es", "en")
    for languages in ((), ("fr",), all_there_are):
        for given in (list(languages), msgspec.json.encode(languages).decode()):
            assert parse(requests.UpdateClinic, {"languages": given}).languages == languages


def test_the_text_of_a_form_is_read_as_what_the_field_is() -> None:
    made = parse(
        requests.CreateClinic,
        {
            "name": "5",
            "latitude": "40.7",
            "longitude": "-74",
            "maxQueueSize": "20",
            "autoOpenQueue": "true",
            "openingHours": '{"start":"09:00","end":"10:00"}',
            "phone": "",
        },
        text=True,
    )
    assert (made.name, made.latitude, made.longitude) == ("5", 40.7, -74.0)
    assert (made.max_queue_size, made.auto_open_queue, made.phone) == (20, True, None)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400", "91", "abc", ""])
def test_a_latitude_in_a_form_is_still_a_latitude(value: str) -> None:
    given = {**PLACE, "longitude": "-74", "latitude": value}
    assert bad_paths(requests.CreateClinic, given, text=True) == ["latitude"]


def test_a_change_tells_absent_from_null() -> None:
    made = parse(requests.UpdateClinic, {"phone": None, "isActive": False})
    assert made.phone is None
    assert made.is_active is False
    assert made.name is msgspec.UNSET
    assert made.address is msgspec.UNSET


@pytest.mark.parametrize(
    "path", ["name", "latitude", "openingHours", "type", "timezone", "maxQueueSize", "isActive"]
)
def test_a_change_cannot_clear_what_a_clinic_must_have(path: str) -> None:
    assert bad_paths(requests.UpdateClinic, {path: None}) == [path]
    assert bad_paths(requests.UpdateClinic, {path: ""}, text=True) == [path]


@pytest.mark.parametrize("text", ["", "null", " null ", "[]", "{", '"09:00"'])
def test_opening_hours_in_a_form_are_an_object_or_left_out(text: str) -> None:
    place = {"name": "City Clinic", "latitude": "40.7", "longitude": "-74"}
    for request in (requests.CreateClinic, requests.UpdateClinic):
        given = {**place, "openingHours": text}
        assert bad_paths(request, given, text=True) == ["openingHours"]
    assert parse(requests.CreateClinic, place, text=True).opening_hours is msgspec.UNSET


def test_an_empty_text_in_a_form_clears_what_may_be_empty() -> None:
    assert parse(requests.UpdateClinic, {"phone": ""}, text=True).phone is None


def test_staff_are_named_by_exactly_one_of_id_and_address() -> None:
    id = "0192f3d0-0000-7000-8000-000000000000"
    assert parse(requests.AddStaff, {"userId": id}).user_id == UUID(id)
    assert parse(requests.AddStaff, {"email": "A@b.co"}).email == "a@b.co"
    assert bad_paths(requests.AddStaff, {}) == ["userId"]
    assert bad_paths(requests.AddStaff, {"userId": id, "email": "a@b.co"}) == ["userId"]


@pytest.mark.parametrize("value", ["7", "not-a-uuid", 7, None, "urn:uuid:" + "0" * 32])
def test_an_id_is_a_uuid(value: object) -> None:
    assert bad_paths(requests.IssueToken, {"queueId": value}) == ["queueId"]


@pytest.mark.parametrize("given", [None, [], "text", 5, True])
def test_a_body_is_an_object(given: object) -> None:
    assert bad_paths(requests.IssueToken, given) == [""]


@pytest.mark.parametrize("value", ["true", "false", 0, 1, None])
def test_active_is_a_real_boolean(value: object) -> None:
    assert bad_paths(requests.SetActive, {"isActive": value}) == ["isActive"]


def test_a_query_has_defaults_and_an_empty_value_is_none() -> None:
    made = parse(requests.ListClinics, {"query": "", "page": ""}, text=True)
    assert (made.page, made.limit, made.query, made.wanted().nearby) == (1, 10, None, None)


def test_every_bad_query_parameter_is_named_at_once() -> None:
    given = {
        "page": "0",
        "limit": "101",
        "type": "x",
        "latitude": "91",
        "longitude": "x",
        "radius": "0",
    }
    assert bad_paths(requests.ListClinics, given, text=True) == [
        "page",
        "limit",
        "type",
        "latitude",
        "longitude",
        "radius",
    ]


def test_a_place_needs_all_three() -> None:
    assert bad_paths(requests.ListClinics, {"latitude": "1", "radius": "5"}, text=True) == [
        "longitude"
    ]
    assert bad_paths(requests.ListClinics, {"radius": "5"}, text=True) == ["latitude", "longitude"]
    place = {"latitude": "0", "longitude": "0", "radius": "5"}
    assert parse(requests.ListClinics, place, text=True).wanted().nearby is not None


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "x", "1e9"])
def test_a_radius_is_a_finite_number_above_zero(value: str) -> None:
    given = {"latitude": "0", "longitude": "0", "radius": value}
    assert bad_paths(requests.ListClinics, given, text=True) == ["radius"]


@pytest.mark.parametrize("value", ["0", "-3", "1.5", "x", str(2**31), str(2**80)])
def test_a_token_number_is_one_that_could_have_been_issued(value: str) -> None:
    assert bad_paths(requests.FilterTokens, {"tokenNumber": value}, text=True) == ["tokenNumber"]


def all_requests(kind: type[Fields]) -> Iterator[type[Fields]]:
    for request in kind.__subclasses__():
        yield request
        yield from all_requests(request)


def test_every_field_of_every_request_has_a_sentence_of_its_own() -> None:
    for request in all_requests(Fields):
        for field in msgspec.structs.fields(request):
            shape = str(field.type)
            assert "Rule(" in shape or "requests.DeviceInfo" in shape, (request, field.name)
