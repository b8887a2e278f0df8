"""``/api/clinic``: clinics and who works there."""

from typing import Annotated, cast

from qure.application.access import require_admin, require_person, require_sees, works_at
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
from qure.domain.clinic import Clinic
from qure.domain.ids import ClinicId, UserId
from qure.entrypoints.http import samples
from qure.entrypoints.http.bodies import ImageFiles
from qure.entrypoints.http.callers import base_url
from qure.entrypoints.http.calls import Call
from qure.entrypoints.http.hanging_up import ImagesFor
from qure.entrypoints.http.routing import Api
from qure.settings import Settings
from qure.wire import requests
from qure.wire.body import encode
from qure.wire.responses import ClinicBody, ClinicListBody, StaffBody, nearest_clinics
from qure.wire.visitors import JoinCodeBody, RenewedJoinCodeBody

router = Api("/api/clinic", tag="Clinics")


@router.call(
    "POST",
    "/",
    "The clinic has been created.",
    status=201,
    example=samples.CLINIC_FOR_DESK,
    refuses=("forbidden", "clinic_exists"),
    only=require_admin,
)
async def create_clinic(
    request: Call,
    given: requests.CreateClinic,
    files: ImageFiles,
    clinics: Clinics,
    images: Images,
) -> ClinicBody:
    """Create a clinic.

    For admins. Pictures are accepted at once, and appear as URLs when they have been processed.
    `openingHours` and `languages` may also be text that holds their JSON.
    """
    fields = _fields(given)
    if given.timezone is None:
        fields.pop("timezone", None)
    clinic = await clinics.create(
        fields=fields,
        logo=_logo(files),
        images=files.get("images", ()),
        actor=request.user,
        reader=ImagesFor(request, images),
    )
    return _for_desk(clinics, clinic)


@router.call("GET", "/", "These are the clinics.", refuses=("forbidden",), only=require_person)
async def list_clinics(
    given: requests.ListClinics, clinics: Clinics, reads: CachedReads, nearby: NearbyClinics
) -> Annotated[bytes, ClinicListBody]:
    """Find clinics.

    Active clinics, newest first; with `latitude`, `longitude` and `radius` (kilometres) those
    within that great-circle distance, nearest first, each with its `distance_km`.
    """
    wanted, page = given.wanted(), given.wanted_page()

    async def load() -> bytes:
        found, total = await clinics.search(wanted, page=page)
        return encode(ClinicListBody.of(found, page, total))

    if wanted.nearby is not None:
        # Hardly anybody asks from the same place again: to remember the answer would only cost.
        held = nearby.search(wanted, page=page)
        return await load() if held is None else nearest_clinics(held, page)
    return await reads.get_or_load(
        CLINIC_LISTS, encode(given).decode(), ttl_seconds=QUARTER_HOUR, load=load
    )


@router.call("GET", "/{clinicId}", "This is the clinic.", refuses=("forbidden",))
async def read_clinic(
    request: Call, clinic_id: ClinicId, clinics: Clinics, reads: CachedReads
) -> Annotated[bytes, ClinicBody]:
    """See a clinic.

    Its `joinCode`, which lets people at the door take a number, is shown to admins and the
    clinic's staff alone. A display sees its own clinic.
    """
    require_sees(request.user, clinic_id)
    if works_at(request.user, clinic_id):
        # Not remembered: the code would lie in the shared cache for everybody who reads that.
        return encode(_for_desk(clinics, await clinics.read(clinic_id)))

    async def load() -> bytes:
        return encode(ClinicBody.of(await clinics.read(clinic_id)))

    return await reads.get_or_load(clinic_group(clinic_id), "", ttl_seconds=DAY, load=load)


@router.call(
    "PUT",
    "/{clinicId}",
    "The clinic has been changed.",
    example=samples.CLINIC_FOR_DESK,
    refuses=("forbidden", "clinic_exists"),
    only=require_admin,
)
async def update_clinic(
    request: Call,
    clinic_id: ClinicId,
    given: requests.UpdateClinic,
    files: ImageFiles,
    clinics: Clinics,
    images: Images,
) -> ClinicBody:
    """Change a clinic.

    For admins. What is left out stays, a null (in a form: an empty text) clears what may be
    empty. New `images` take the place of all the old ones. `isActive: false` retires the clinic.
    """
    clinic = await clinics.update(
        clinic_id,
        fields=_fields(given),
        logo=_logo(files),
        drop_logo=given.drops_logo,
        images=files.get("images", () if given.drops_images else None),
        actor=request.user,
        reader=ImagesFor(request, images),
    )
    return _for_desk(clinics, clinic)


@router.call(
    "POST",
    "/{clinicId}/join-code",
    "The clinic has another join code.",
    refuses=("forbidden",),
)
async def renew_join_code(
    request: Call, clinic_id: ClinicId, clinics: Clinics, settings: Settings
) -> RenewedJoinCodeBody:
    """Give a clinic another join code.

    For admins. The one before lets nobody in any more: printed posters die.
    """
    clinic = await clinics.renew_join_code(clinic_id, actor=request.user)
    shown = _for_desk(clinics, clinic)
    return RenewedJoinCodeBody.shown_with(shown, base=base_url(request, settings))


@router.call(
    "GET",
    "/{clinicId}/join-code",
    "This is the clinic's join code.",
    refuses=("forbidden", "clinic_retired", "guest_join_off", "join_code_not_found"),
)
async def read_join_code(
    request: Call, clinic_id: ClinicId, clinics: Clinics, settings: Settings
) -> JoinCodeBody:
    """See what a clinic's poster carries.

    For admins and the clinic's staff: the join code, where it leads, and that as a QR code (an SVG
    as a data URI). Only while the code lets people in: `guest_join_off` as long as `guestJoin` is
    false. `join_code_not_found` says that the code was made under another key of the service and
    cannot be shown any more, although its posters go on: then an admin makes another one.
    """
    code = await clinics.printable_join_code(clinic_id, actor=request.user)
    return JoinCodeBody.of(code, base=base_url(request, settings))


@router.call(
    "POST",
    "/{clinicId}/staff",
    "The user is staff of the clinic now.",
    status=201,
    refuses=("forbidden", "user_not_found", "already_staff", "user_is_admin", "not_an_account"),
)
async def add_staff(
    request: Call, clinic_id: ClinicId, given: requests.AddStaff, staff: Staff
) -> StaffBody:
    """Make a user staff of a clinic.

    For admins. The user is named by `userId` or by `email`.
    """
    user = await staff.add(
        clinic_id,
        user_id=None if given.user_id is None else UserId(given.user_id),
        email=given.email,
        actor=request.user,
    )
    return StaffBody.of(user)


@router.call("GET", "/{clinicId}/staff", "These people work there.", refuses=("forbidden",))
async def list_staff(
    request: Call, clinic_id: ClinicId, staff: Staff, reads: CachedReads
) -> Annotated[bytes, list[StaffBody]]:
    """See who works at a clinic.

    For admins and the clinic's own staff.
    """
    staff.require_may_list(clinic_id, actor=request.user)

    async def load() -> bytes:
        return encode([StaffBody.of(user) for user in await staff.list_all(clinic_id)])

    return await reads.get_or_load(staff_group(clinic_id), "", ttl_seconds=DAY, load=load)


@router.call(
    "DELETE",
    "/{clinicId}/staff/{userId}",
    "The user is no longer staff of the clinic.",
    refuses=("forbidden", "staff_not_found"),
)
async def remove_staff(request: Call, clinic_id: ClinicId, user_id: UserId, staff: Staff) -> None:
    """Make a staff member a patient again.

    For admins.
    """
    await staff.remove(clinic_id, user_id, actor=request.user)


def _for_desk(clinics: Clinics, clinic: Clinic) -> ClinicBody:
    """The clinic as admins and its staff see it."""
    return ClinicBody.of(clinic, join_code=clinics.join_code_of(clinic))


def _fields(given: requests.CreateClinic | requests.UpdateClinic) -> ClinicFields:
    """What was given, under the names that the use case knows."""
    fields = given.present()
    hours = fields.get("opening_hours")
    if isinstance(hours, requests.OpeningHours):
        fields["opening_hours"] = hours.hours()
    if fields.get("languages", ()) is None:
        fields["languages"] = ()
    return cast("ClinicFields", fields)


def _logo(files: ImageFiles) -> bytes | None:
    return next(iter(files.get("logo", ())), None)
