"""A clinic's desks: where patients go, and who sits there."""

from typing import cast

from qure.application.access import require_admin, require_desk
from qure.application.clinics.desks import DeskFields, Desks
from qure.application.queueing.calling import Calling
from qure.application.queueing.once import Once
from qure.domain.ids import ClinicId, DeskId, ServiceId
from qure.entrypoints.http import samples
from qure.entrypoints.http.calls import Call
from qure.entrypoints.http.routing import Api
from qure.wire.clinic_requests import CreateDesk, OpenDesk, PauseDesk, UpdateDesk
from qure.wire.queues import DeskBody
from qure.wire.tokens import StaffTokenBody

router = Api("/api", tag="Desks")


@router.call(
    "GET", "/clinic/{clinicId}/desks", "These are the clinic's desks.", refuses=("forbidden",)
)
async def list_desks(request: Call, clinic_id: ClinicId, desks: Desks) -> list[DeskBody]:
    """See a clinic's desks.

    For admins and the clinic's staff, by name; those out of use for admins only.
    """
    found = await desks.list_all(clinic_id, actor=request.user)
    return [DeskBody.of(desk) for desk in found]


@router.call(
    "POST",
    "/clinic/{clinicId}/desks",
    "The desk has been created.",
    status=201,
    example=samples.CLOSED_DESK,
    refuses=("forbidden", "too_many_desks"),
    only=require_admin,
)
async def create_desk(
    request: Call, clinic_id: ClinicId, given: CreateDesk, desks: Desks
) -> DeskBody:
    """Create a desk.

    For admins. Nobody sits there at first.
    """
    return DeskBody.of(await desks.create(clinic_id, name=given.name, actor=request.user))


@router.call(
    "PUT",
    "/desks/{deskId}",
    "The desk has been changed.",
    refuses=("forbidden",),
    only=require_admin,
)
async def update_desk(request: Call, desk_id: DeskId, given: UpdateDesk, desks: Desks) -> DeskBody:
    """Change a desk.

    For admins. What is left out stays. `isActive: false` takes it out of use: then it closes.
    """
    fields = cast("DeskFields", given.present())
    desk = await desks.update(desk_id, fields=fields, actor=request.user)
    return DeskBody.of(desk)


@router.call(
    "POST",
    "/desks/{deskId}/open",
    "You sit at this desk now.",
    body_optional=True,
    refuses=("forbidden", "desk_taken", "desk_retired"),
    only=require_desk,
)
async def open_desk(request: Call, desk_id: DeskId, given: OpenDesk, desks: Desks) -> DeskBody:
    """Sit down at a desk.

    For admins and the clinic's staff. Without `serviceIds` it serves all active services. Whoever
    opens a second desk leaves the first; whoever sits there already changes what it serves. It
    closes by itself when their last login ends, or the clinic's local day does.
    """
    wanted = None if given.service_ids is None else [ServiceId(id) for id in given.service_ids]
    return DeskBody.of(await desks.open(desk_id, service_ids=wanted, actor=request.user))


@router.call(
    "POST",
    "/desks/{deskId}/pause",
    "The desk is paused.",
    example=samples.PAUSED_DESK,
    body_optional=True,
    refuses=("forbidden", "desk_closed"),
    only=require_desk,
)
async def pause_desk(request: Call, desk_id: DeskId, given: PauseDesk, desks: Desks) -> DeskBody:
    """Call nobody at a desk for a while.

    For whoever sits there, and admins. `until` says when the pause is expected to end.
    """
    return DeskBody.of(await desks.pause(desk_id, until=given.ends_at, actor=request.user))


@router.call(
    "POST",
    "/desks/{deskId}/resume",
    "The desk is open again.",
    refuses=("forbidden", "desk_closed"),
)
async def resume_desk(request: Call, desk_id: DeskId, desks: Desks) -> DeskBody:
    """End a desk's pause.

    For whoever sits there, and admins.
    """
    return DeskBody.of(await desks.resume(desk_id, actor=request.user))


@router.call(
    "POST",
    "/desks/{deskId}/close",
    "The desk is closed.",
    example=samples.CLOSED_DESK,
    refuses=("forbidden",),
)
async def close_desk(request: Call, desk_id: DeskId, desks: Desks) -> DeskBody:
    """Leave a desk.

    For whoever sits there, and admins. A closed one stays closed.
    """
    return DeskBody.of(await desks.close(desk_id, actor=request.user))


@router.call(
    "POST",
    "/desks/{deskId}/call-next",
    "The next patient has been called.",
    example=samples.staff_token("CALLED"),
    refuses=("forbidden", "queue_empty", "desk_closed", "idempotency_key_reused"),
)
async def call_next_at_desk(
    request: Call, desk_id: DeskId, key: str | None, calling: Calling
) -> StaffTokenBody:
    """Call the next patient of all the queues that a desk serves.

    For whoever sits there. Each queue names its next; of these the best class goes first, then
    who has waited longest. A paused desk resumes first. There is no one version to expect: the
    queues of a desk are several.
    """
    token = await calling.call_next_at(desk_id, actor=request.user, once=Once(key=key))
    return StaffTokenBody.of(token)
