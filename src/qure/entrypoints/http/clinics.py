"""``/api/clinic``: clinics and who works there."""

from collections.abc import Sequence
from typing import cast

import msgspec
from litestar import Router, delete, get, post, put
from litestar.response.base import ASGIResponse
from msgspec import UNSET

from qure.application.access import require_admin
from qure.application.announcing.cached_reads import (
    CLINIC_LISTS,
    DAY,
    QUARTER_HOUR,
    CachedReads,
    clinic_group,
    staff_group,
)
from qure.application.clinics.clinics import ClinicFields, Clinics
from qure.application.clinics.nearby import NearbyClinics
from qure.application.clinics.staff import Staff
from qure.application.ports.gateways import Images
from qure.domain.clinic import MAX_CLINIC_IMAGES
from qure.domain.ids import ClinicId, UserId
from qure.entrypoints.http import samples
from qure.entrypoints.http.answers import answer
from qure.entrypoints.http.bodies import read_form, read_json, read_query
from qure.entrypoints.http.calls import Call, ClinicIdInPath, Injected, UserIdInPath
from qure.entrypoints.http.hanging_up import ImagesFor
from qure.entrypoints.http.operation import operation
from qure.settings import Settings
from qure.wire import requests, responses
from qure.wire.responses import encode, nearest_clinics

TAG = "Clinics"
PICTURES = {"logo": 1, "images": MAX_CLINIC_IMAGES}


@post(
    "/",
    **operation(
        "createClinic",
        "Create a clinic",
        tag=TAG,
        message="The clinic has been created.",
        description="For admins. Pictures are accepted at once, and appear as URLs when they "
        "have been processed. `openingHours` may also be text that holds the JSON object.",
        answer=responses.ClinicBody,
        example=samples.CLINIC,
        status=201,
        body=requests.CreateClinic,
        pictures=PICTURES,
        refusals={403: ("forbidden",), 409: ("clinic_exists",)},
    ),
)
async def create_clinic(
    request: Call,
    clinics: Injected[Clinics],
    images: Injected[Images],
    settings: Injected[Settings],
) -> ASGIResponse:
    # The use case asks again; here it saves reading a hundred megabytes for nothing.
    require_admin(request.user)
    given, pictures = await read_form(
        request,
        requests.CreateClinic,
        pictures=PICTURES,
        max_picture_bytes=settings.max_image_bytes,
    )
    fields = _fields(given)
    if given.timezone is None:
        fields.pop("timezone", None)
    clinic = await clinics.create(
        fields=fields,
        logo=_logo(pictures),
        pictures=pictures.get("images", ()),
        actor=request.user,
        images=ImagesFor(request, images),
    )
    return answer(request, responses.ClinicBody.of(clinic))


@get(
    "/",
    **operation(
        "listClinics",
        "Find clinics",
        tag=TAG,
        message="These are the clinics.",
        description="Active clinics, newest first; with `latitude`, `longitude` and `radius` "
        "(kilometres) those within that great-circle distance, nearest first, each with its "
        "`distance_km`.",
        answer=responses.ClinicListBody,
        example=samples.CLINICS,
        query=requests.ListClinics,
    ),
)
async def list_clinics(
    request: Call,
    clinics: Injected[Clinics],
    reads: Injected[CachedReads],
    nearby: Injected[NearbyClinics],
) -> ASGIResponse:
    given = read_query(request.scope, requests.ListClinics)
    wanted, page = given.wanted(), given.wanted_page()

    async def load() -> bytes:
        found, total = await clinics.search(wanted, page=page)
        return encode(responses.ClinicListBody.of(found, page, total))

    if wanted.nearby is not None:
        # Hardly anybody asks from the same place again: to remember the answer would only cost.
        held = nearby.search(wanted, page=page)
        return answer(request, await load() if held is None else nearest_clinics(held, page))
    body = await reads.get_or_load(
        CLINIC_LISTS, encode(given).decode(), ttl_seconds=QUARTER_HOUR, load=load
    )
    return answer(request, body)


@get(
    "/{clinicId:str}",
    **operation(
        "readClinic",
        "See a clinic",
        tag=TAG,
        message="This is the clinic.",
        answer=responses.ClinicBody,
        example=samples.CLINIC,
        refusals={404: ("clinic_not_found",)},
    ),
)
async def read_clinic(
    request: Call,
    clinic_id: ClinicIdInPath,
    clinics: Injected[Clinics],
    reads: Injected[CachedReads],
) -> ASGIResponse:
    async def load() -> bytes:
        clinic = await clinics.read(ClinicId(clinic_id))
        return encode(responses.ClinicBody.of(clinic))

    body = await reads.get_or_load(clinic_group(clinic_id), "", ttl_seconds=DAY, load=load)
    return answer(request, body)


@put(
    "/{clinicId:str}",
    **operation(
        "updateClinic",
        "Change a clinic",
        tag=TAG,
        message="The clinic has been changed.",
        description="For admins. What is left out stays, a null (in a form: an empty text) "
        "clears what may be empty. New `images` take the place of all the old ones. "
        "`isActive: false` retires the clinic.",
        answer=responses.ClinicBody,
        example=samples.CLINIC,
        body=requests.UpdateClinic,
        pictures=PICTURES,
        refusals={403: ("forbidden",), 404: ("clinic_not_found",), 409: ("clinic_exists",)},
    ),
)
async def update_clinic(
    request: Call,
    clinic_id: ClinicIdInPath,
    clinics: Injected[Clinics],
    images: Injected[Images],
    settings: Injected[Settings],
) -> ASGIResponse:
    require_admin(request.user)
    given, pictures = await read_form(
        request,
        requests.UpdateClinic,
        pictures=PICTURES,
        max_picture_bytes=settings.max_image_bytes,
    )
    clinic = await clinics.update(
        ClinicId(clinic_id),
        fields=_fields(given),
        logo=_logo(pictures),
        drop_logo=given.drops_logo,
        pictures=pictures.get("images", () if given.drops_images else None),
        actor=request.user,
        images=ImagesFor(request, images),
    )
    return answer(request, responses.ClinicBody.of(clinic))


@post(
    "/{clinicId:str}/staff",
    **operation(
        "addStaff",
        "Make a user staff of a clinic",
        tag=TAG,
        message="The user is staff of the clinic now.",
        description="For admins. The user is named by `userId` or by `email`.",
        answer=responses.StaffBody,
        example=samples.STAFF,
        status=201,
        body=requests.AddStaff,
        refusals={
            403: ("forbidden",),
            404: ("clinic_not_found", "user_not_found"),
            409: ("already_staff", "user_is_admin"),
        },
    ),
)
async def add_staff(
    request: Call, clinic_id: ClinicIdInPath, staff: Injected[Staff]
) -> ASGIResponse:
    given = await read_json(request, requests.AddStaff)
    user = await staff.add(
        ClinicId(clinic_id),
        user_id=None if given.user_id is None else UserId(given.user_id),
        email=given.email,
        actor=request.user,
    )
    return answer(request, responses.StaffBody.of(user))


@get(
    "/{clinicId:str}/staff",
    **operation(
        "listStaff",
        "See who works at a clinic",
        tag=TAG,
        message="These people work there.",
        description="For admins and the clinic's own staff.",
        answer=list[responses.StaffBody],
        example=[samples.STAFF],
        refusals={403: ("forbidden",), 404: ("clinic_not_found",)},
    ),
)
async def list_staff(
    request: Call, clinic_id: ClinicIdInPath, staff: Injected[Staff], reads: Injected[CachedReads]
) -> ASGIResponse:
    staff.require_may_list(ClinicId(clinic_id), actor=request.user)

    async def load() -> bytes:
        found = await staff.list_all(ClinicId(clinic_id))
        return encode([responses.StaffBody.of(user) for user in found])

    body = await reads.get_or_load(staff_group(clinic_id), "", ttl_seconds=DAY, load=load)
    return answer(request, body)


@delete(
    "/{clinicId:str}/staff/{userId:str}",
    **operation(
        "removeStaff",
        "Make a staff member a patient again",
        tag=TAG,
        message="The user is no longer staff of the clinic.",
        description="For admins.",
        refusals={
            403: ("forbidden",),
            404: ("clinic_not_found", "user_not_found", "staff_not_found"),
        },
    ),
)
async def remove_staff(
    request: Call, clinic_id: ClinicIdInPath, user_id: UserIdInPath, staff: Injected[Staff]
) -> ASGIResponse:
    await staff.remove(
        ClinicId(clinic_id),
        UserId(user_id),
        actor=request.user,
    )
    return answer(request, None)


def _fields(given: requests.CreateClinic | requests.UpdateClinic) -> ClinicFields:
    """What was given, under the names that the use case knows."""
    fields = {
        name: value
        for name, value in msgspec.structs.asdict(given).items()
        if value is not UNSET and name not in PICTURES
    }
    hours = fields.get("opening_hours")
    if isinstance(hours, requests.OpeningHours):
        fields["opening_hours"] = hours.hours()
    return cast("ClinicFields", fields)


def _logo(pictures: dict[str, Sequence[bytes]] | dict[str, list[bytes]]) -> bytes | None:
    return next(iter(pictures.get("logo", ())), None)


router = Router(
    "/api/clinic",
    route_handlers=[
        create_clinic,
        list_clinics,
        read_clinic,
        update_clinic,
        add_staff,
        list_staff,
        remove_staff,
    ],
)
