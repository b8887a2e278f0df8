"""People without the app: walk-ins, strangers at the door, and the links that let them in."""

import re

from qure.application.access import require_desk, require_person
from qure.application.accounts.guest_links import GuestLinks
from qure.application.accounts.guests import Guests
from qure.application.queueing.once import Once
from qure.application.waiting.waits import Waits
from qure.domain.actor import Actor
from qure.domain.ids import QueueId, ServiceId, TokenId
from qure.entrypoints.http.callers import address_of, base_url, device_of
from qure.entrypoints.http.calls import Call, PublicCall
from qure.entrypoints.http.routing import Api
from qure.settings import Settings
from qure.wire.move_requests import Move
from qure.wire.visitor_requests import AdmitWalkIn, Join, OpenGuestLink
from qure.wire.visitors import DoorBody, GuestSessionBody, JoinedBody, WalkInBody

router = Api("/api", tag="Guests")

_CODE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@router.call(
    "POST",
    "/queues/{queueId}/walk-ins",
    "The patient has a token.",
    status=201,
    body_optional=True,
    refuses=(
        "forbidden",
        "queue_full",
        "queue_inactive",
        "queue_closed",
        "idempotency_key_reused",
    ),
    only=require_desk,
)
async def admit_walk_in(
    request: Call,
    queue_id: QueueId,
    given: AdmitWalkIn,
    key: str | None,
    guests: Guests,
    settings: Settings,
) -> WalkInBody:
    """Give somebody at the desk a token.

    For admins and the clinic's staff. With it comes a link, also as a QR code (an SVG as a data
    URI), from which the patient follows the queue. Its secret is shown here alone.
    """
    admitted = await guests.admit_walk_in(
        queue_id,
        name=given.name,
        phone=given.phone,
        note=given.note,
        priority=given.priority,
        actor=request.user,
        once=Once(key=key),
    )
    return WalkInBody.of(admitted, base=base_url(request, settings))


@router.call(
    "POST",
    "/tokens/{tokenId}/guest-link",
    "Here is another link.",
    body_optional=True,
    refuses=("forbidden", "not_a_guest", "version_conflict", "idempotency_key_reused"),
    only=require_desk,
)
async def renew_guest_link(
    request: Call,
    token_id: TokenId,
    given: Move,
    key: str | None,
    guest_links: GuestLinks,
    settings: Settings,
) -> WalkInBody:
    """Make another link to a guest's token.

    For admins and the clinic's staff. The one before, and what it had opened, ends.
    """
    admitted = await guest_links.renew(token_id, actor=request.user, once=given.once(key))
    return WalkInBody.of(admitted, base=base_url(request, settings))


@router.call(
    "GET",
    "/join/{joinCode}",
    "Welcome.",
    refuses=("join_code_not_found", "too_many_tries"),
    public=True,
)
async def look_through_door(
    request: PublicCall, join_code: str, guests: Guests, waits: Waits, settings: Settings
) -> DoorBody:
    """See what a clinic offers at its door.

    The clinic behind the code of a poster, when it is open and what it speaks, and its queues of
    today with what whoever joins now has to wait. Unknown, renewed and switched-off codes are the
    same 404.
    """
    door = await guests.look(plausible_code(join_code), address=address_of(request, settings))
    waiting = await waits.of_clinic(door.clinic.id) if door.queues else {}
    return DoorBody.of(door, waiting)


@router.call(
    "POST",
    "/join/{joinCode}",
    "You have a token.",
    status=201,
    body_optional=True,
    refuses=(
        "forbidden",
        "join_code_not_found",
        "service_not_found",
        "queue_not_found",
        "active_token_exists",
        "queue_not_open",
        "queue_full",
        "queue_inactive",
        "queue_closed",
        "too_late_today",
        "idempotency_key_reused",
        "too_many_tries",
    ),
    public=True,
)
async def join_at_door(
    request: PublicCall,
    join_code: str,
    given: Join,
    key: str | None,
    asker: Actor | None,
    guests: Guests,
    settings: Settings,
) -> JoinedBody:
    """Take a token at a clinic's door.

    For anybody with the code of its poster; by default in the queue of the default service. Who
    sends the access token of a guest who has an active token gets `active_token_exists`. The
    link that comes with the token, also as a QR code, is shown here alone.
    """
    if asker is not None:
        require_person(asker)
    admitted = await guests.join(
        plausible_code(join_code),
        service_id=None if given.service_id is None else ServiceId(given.service_id),
        name=given.name,
        address=address_of(request, settings),
        actor=asker,
        once=Once(key=key),
    )
    return JoinedBody.of(admitted, base=base_url(request, settings))


@router.call(
    "POST",
    "/guest/session",
    "You are let in.",
    refuses=("invalid_guest_secret", "too_many_tries"),
    public=True,
)
async def open_guest_link(
    request: PublicCall, given: OpenGuestLink, guest_links: GuestLinks, settings: Settings
) -> GuestSessionBody:
    """Exchange a link's secret for an access token.

    As often as wished, until an hour after the local day's end or until there is a new link.
    Unknown, dead and expired secrets are the same 401. There is no refresh token: when the access
    token has expired, exchange the secret again.
    """
    grant = await guest_links.open(given.secret, device=device_of(request, settings))
    return GuestSessionBody.of(grant)


def plausible_code(join_code: str) -> str:
    """The code; what cannot be one is the empty code, which is no clinic's."""
    return join_code if _CODE.fullmatch(join_code) else ""
