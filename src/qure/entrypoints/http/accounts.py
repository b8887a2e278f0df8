"""``/api/auth``: accounts, logins and sessions."""

from litestar import Router, delete, get, post, put
from litestar.datastructures import Cookie
from litestar.response.base import ASGIResponse
from msgspec import UNSET

from qure.application.accounts.devices import DEVICE_LIFE
from qure.application.accounts.logins import Device, Logins
from qure.application.accounts.profiles import Profiles
from qure.application.accounts.registration import Registration
from qure.application.announcing.cached_reads import DAY, CachedReads, profile_group
from qure.application.ports.gateways import Images
from qure.domain.ids import SessionId
from qure.entrypoints.http import samples
from qure.entrypoints.http.answers import answer
from qure.entrypoints.http.bodies import read_form, read_json
from qure.entrypoints.http.calls import Call, Injected, PublicCall, SessionIdInPath
from qure.entrypoints.http.client_address import client_address
from qure.entrypoints.http.hanging_up import ImagesFor
from qure.entrypoints.http.operation import operation
from qure.settings import Settings
from qure.wire import requests, responses
from qure.wire.fields import device_name
from qure.wire.responses import encode

TAG = "Accounts"
PICTURES = {"profilePicture": 1}
DEVICE_COOKIE = "qure_device"


@post(
    "/register",
    **operation(
        "registerUser",
        "Create an account",
        tag=TAG,
        message="Your account has been created.",
        description="Everybody starts as a PATIENT; an admin makes others staff.",
        status=201,
        body=requests.Register,
        refusals={409: ("email_taken",), 429: ("too_many_tries",)},
        public=True,
    ),
)
async def register(
    request: PublicCall, registration: Injected[Registration], settings: Injected[Settings]
) -> ASGIResponse:
    given = await read_json(request, requests.Register)
    await registration.admit(_address(request, settings))
    await registration.register(
        first_name=given.first_name,
        last_name=given.last_name,
        email=given.email,
        password=given.password,
    )
    return answer(request, None)


@post(
    "/login",
    **operation(
        "logIn",
        "Log in",
        tag=TAG,
        message="You are logged in.",
        description="The access token lives for minutes, the refresh token for 7 days. An "
        "unknown address and a wrong password get the same answer. The cookie that comes with it "
        "gives no rights: a device that sends it is not slowed down by others' failures.",
        answer=responses.LoginBody,
        example=samples.LOGIN,
        body=requests.LogIn,
        refusals={
            401: ("invalid_credentials",),
            403: ("account_disabled",),
            429: ("too_many_tries",),
        },
        public=True,
    ),
)
async def log_in(
    request: PublicCall, logins: Injected[Logins], settings: Injected[Settings]
) -> ASGIResponse:
    given = await read_json(request, requests.LogIn)
    grant = await logins.log_in(
        email=given.email,
        password=given.password,
        device=_device(request, settings, given.device_info),
    )
    body = responses.LoginBody(
        responses.UserBody.of(grant.user), grant.access_jwt, grant.refresh_secret
    )
    return answer(request, body, cookie=_device_cookie(grant.device_token, settings))


@post(
    "/refresh-token",
    **operation(
        "refreshTokens",
        "Get the next pair of tokens",
        tag=TAG,
        message="Here are your next tokens.",
        description="The refresh token that is given is spent by it. Asked again with it within "
        "10 seconds, before the next one has been used, the same next one comes again. Any other "
        "use of a spent one is taken for theft, and the whole login ends.",
        answer=responses.RefreshBody,
        example=samples.REFRESH,
        body=requests.Refresh,
        refusals={401: ("invalid_refresh_token",), 403: ("account_disabled",)},
        public=True,
    ),
)
async def refresh(
    request: PublicCall, logins: Injected[Logins], settings: Injected[Settings]
) -> ASGIResponse:
    given = await read_json(request, requests.Refresh)
    grant = await logins.refresh(
        given.refresh_token,
        device_token=request.cookies.get(DEVICE_COOKIE),
    )
    body = responses.RefreshBody(grant.access_jwt, grant.refresh_secret)
    return answer(request, body, cookie=_device_cookie(grant.device_token, settings))


@post(
    "/logout",
    **operation(
        "logOut",
        "Log out",
        tag=TAG,
        message="You are logged out.",
        description="Ends the login of that refresh token; an unknown one is fine too.",
        body=requests.LogOut,
        public=True,
    ),
)
async def log_out(request: PublicCall, logins: Injected[Logins]) -> ASGIResponse:
    given = await read_json(request, requests.LogOut)
    await logins.log_out(given.refresh_token)
    return answer(request, None)


@get(
    "/me",
    **operation(
        "readProfile",
        "See yourself",
        tag=TAG,
        message="This is you.",
        answer=responses.ProfileBody,
        example=samples.PROFILE,
    ),
)
async def read_profile(
    request: Call, profiles: Injected[Profiles], reads: Injected[CachedReads]
) -> ASGIResponse:
    user_id = request.user.user_id

    async def load() -> bytes:
        user = await profiles.read(user_id)
        return encode(responses.ProfileBody.of(user))

    body = await reads.get_or_load(profile_group(user_id), "", ttl_seconds=DAY, load=load)
    return answer(request, body)


@put(
    "/me",
    **operation(
        "updateProfile",
        "Change your name or picture",
        tag=TAG,
        message="Your profile has been changed.",
        description="What is left out stays. A picture is accepted at once, and is shown when "
        "it has been processed.",
        answer=responses.ProfileBody,
        example=samples.PROFILE,
        body=requests.UpdateProfile,
        pictures=PICTURES,
    ),
)
async def update_profile(
    request: Call,
    profiles: Injected[Profiles],
    images: Injected[Images],
    settings: Injected[Settings],
) -> ASGIResponse:
    given, pictures = await read_form(
        request,
        requests.UpdateProfile,
        pictures=PICTURES,
        max_picture_bytes=settings.max_image_bytes,
    )
    user = await profiles.update(
        first_name=None if given.first_name is UNSET else given.first_name,
        last_name=None if given.last_name is UNSET else given.last_name,
        picture=next(iter(pictures.get("profilePicture", ())), None),
        actor=request.user,
        images=ImagesFor(request, images),
    )
    return answer(request, responses.ProfileBody.of(user))


@put(
    "/update-password",
    **operation(
        "changePassword",
        "Change your password",
        tag=TAG,
        message="Your password has been changed.",
        description="Every other login of yours ends by it.",
        answer=responses.ProfileBody,
        example=samples.PROFILE,
        body=requests.ChangePassword,
        refusals={400: ("wrong_password",), 429: ("too_many_tries",)},
    ),
)
async def change_password(request: Call, profiles: Injected[Profiles]) -> ASGIResponse:
    given = await read_json(request, requests.ChangePassword)
    user = await profiles.change_password(
        old_password=given.old_password,
        new_password=given.new_password,
        actor=request.user,
    )
    return answer(request, responses.ProfileBody.of(user))


@get(
    "/sessions",
    **operation(
        "listSessions",
        "See where you are logged in",
        tag=TAG,
        message="These are your logins.",
        answer=list[responses.SessionBody],
        example=[samples.SESSION],
    ),
)
async def list_sessions(request: Call, logins: Injected[Logins]) -> ASGIResponse:
    sessions = await logins.list_all(actor=request.user)
    current = request.user.session_id
    body = [responses.SessionBody.of(one, current=current) for one in sessions]
    return answer(request, body)


@delete(
    "/sessions/{sessionId:str}",
    **operation(
        "revokeSession",
        "End one of your logins",
        tag=TAG,
        message="That login has ended.",
        refusals={403: ("forbidden",), 404: ("session_not_found",)},
    ),
)
async def revoke_session(
    request: Call, session_id: SessionIdInPath, logins: Injected[Logins]
) -> ASGIResponse:
    await logins.revoke(
        SessionId(session_id),
        actor=request.user,
    )
    return answer(request, None)


def _device(request: PublicCall, settings: Settings, given: requests.DeviceInfo | None) -> Device:
    named = given.user_agent if given else None
    return Device(
        user_agent=named or device_name(request.headers.get("user-agent", "")),
        ip_address=_address(request, settings),
        token=request.cookies.get(DEVICE_COOKIE),
    )


def _address(request: PublicCall, settings: Settings) -> str | None:
    return client_address(request.scope, settings.trusted_proxies)


def _device_cookie(token: str, settings: Settings) -> Cookie:
    return Cookie(
        DEVICE_COOKIE,
        value=token,
        path="/api/auth",
        max_age=int(DEVICE_LIFE.total_seconds()),
        httponly=True,
        secure=settings.public_url.startswith("https:"),
        samesite="strict",
    )


router = Router(
    "/api/auth",
    route_handlers=[
        register,
        log_in,
        refresh,
        log_out,
        read_profile,
        update_profile,
        change_password,
        list_sessions,
        revoke_session,
    ],
)
