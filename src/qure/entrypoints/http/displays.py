"""Displays: devices with a right to look, paired by a code that they show (after RFC 8628)."""

from qure.application.access import require_desk
from qure.application.accounts.displays import Displays
from qure.domain.ids import ClinicId, DisplayId, ServiceId
from qure.entrypoints.http import session_cookies
from qure.entrypoints.http.answers import WithCookies
from qure.entrypoints.http.callers import address_of, base_url, device_of
from qure.entrypoints.http.calls import Call, PublicCall
from qure.entrypoints.http.routing import Api
from qure.entrypoints.http.session_cookies import DisplaySession
from qure.settings import Settings
from qure.wire.visitor_requests import LetDisplayIn, PollDisplay
from qure.wire.visitors import DisplayBody, DisplayGrantBody, PairingBody

router = Api("/api", tag="Displays")


@router.call(
    "POST",
    "/displays",
    "Show the user code to the clinic's staff.",
    refuses=("too_many_tries",),
    public=True,
)
async def start_pairing(request: PublicCall, displays: Displays, settings: Settings) -> PairingBody:
    """Ask to be let in, as a display.

    Keep `deviceCode`, show `userCode`, and ask at `/api/displays/token` every `interval` seconds
    until staff have let the display in or `expiresIn` seconds are over (RFC 8628). Staff who scan
    `qr`, or open `verificationUriComplete`, need not type the code.
    """
    started = await displays.start_pairing(address=address_of(request, settings))
    return PairingBody.of(started, base=base_url(request, settings))


@router.call(
    "POST",
    "/displays/token",
    "The display is let in.",
    refuses=("authorization_pending", "slow_down", "expired_token"),
    public=True,
)
async def finish_pairing(
    request: PublicCall,
    given: PollDisplay,
    session: DisplaySession | None,
    displays: Displays,
    settings: Settings,
) -> WithCookies[DisplayGrantBody]:
    """Ask whether the display has been let in.

    Once it has been, this gives its tokens a single time; the next pair comes from
    `/api/auth/refresh-token`. With `Qure-Session: display`, which is for pages, the refresh token
    is in the cookie `qure_display` and null in the body.
    """
    device = device_of(request, settings)
    grant = await displays.finish_pairing(given.device_code, device=device)
    shown, cookies = session_cookies.handed_out(grant.refresh_secret, session, request, settings)
    body = DisplayGrantBody(grant.access_jwt, shown, DisplayBody.of(grant.display))
    return WithCookies(body, cookies)


@router.call(
    "POST",
    "/clinic/{clinicId}/displays",
    "The display may look on.",
    status=201,
    refuses=("forbidden", "too_many_displays", "too_many_tries"),
    only=require_desk,
)
async def let_display_in(
    request: Call, clinic_id: ClinicId, given: LetDisplayIn, displays: Displays
) -> DisplayBody:
    """Let a display in.

    For admins and the clinic's staff, who read `userCode` off the device. Without `serviceIds` it
    shows all services.
    """
    display = await displays.let_in(
        clinic_id,
        user_code=given.user_code,
        name=given.name,
        service_ids=None
        if given.service_ids is None
        else [ServiceId(id) for id in given.service_ids],
        actor=request.user,
    )
    return DisplayBody.of(display)


@router.call(
    "GET", "/clinic/{clinicId}/displays", "These are the clinic's displays.", refuses=("forbidden",)
)
async def list_displays(
    request: Call, clinic_id: ClinicId, displays: Displays
) -> list[DisplayBody]:
    """See a clinic's displays.

    For admins and the clinic's staff, the oldest first.
    """
    found = await displays.list_all(clinic_id, actor=request.user)
    return [DisplayBody.of(display) for display in found]


@router.call(
    "DELETE",
    "/displays/{displayId}",
    "The display looks on no more.",
    refuses=("forbidden",),
    only=require_desk,
)
async def end_display(request: Call, display_id: DisplayId, displays: Displays) -> None:
    """End a display.

    For admins and the clinic's staff. It is seen out within 2 seconds.
    """
    await displays.end(display_id, actor=request.user)
