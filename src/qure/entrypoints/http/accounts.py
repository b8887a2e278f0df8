"""``/api/auth``: accounts, logins and sessions."""

from typing import Annotated

from litestar.datastructures import Cookie
from msgspec import UNSET

from qure.application.access import require_account
from qure.application.accounts.devices import DEVICE_LIFE
from qure.application.accounts.logins import Logins
from qure.application.accounts.profiles import Profiles
from qure.application.accounts.registration import Registration
from qure.application.announcing.cached_reads import DAY, CachedReads, profile_group
from qure.application.ports.gateways import Images
from qure.domain.actor import Actor
from qure.domain.errors import Unauthenticated
from qure.domain.ids import SessionId
from qure.entrypoints.http import session_cookies
from qure.entrypoints.http.answers import WithCookies
from qure.entrypoints.http.bodies import ImageFiles
from qure.entrypoints.http.callers import DEVICE_COOKIE, address_of, device_of
from qure.entrypoints.http.calls import Call, PublicCall
from qure.entrypoints.http.errors import RefusedWithCookie
from qure.entrypoints.http.hanging_up import ImagesFor
from qure.entrypoints.http.routing import Api
from qure.entrypoints.http.session_cookies import AnySession, LoginSession
from qure.settings import Settings
from qure.wire import requests
from qure.wire.body import encode
from qure.wire.responses import LoginBody, ProfileBody, RefreshBody, SessionBody, UserBody

router = Api("/api/auth", tag="Accounts")


@router.call(
    "POST",
    "/register",
    "Your account has been created.",
    status=201,
    refuses=("email_taken", "too_many_tries"),
    public=True,
)
async def register_user(
    request: PublicCall,
    given: requests.Register,
    registration: Registration,
    settings: Settings,
) -> None:
    """Create an account.

    Everybody starts as a PATIENT; an admin makes others staff.
    """
    await registration.admit(address_of(request, settings))
    await registration.register(
        first_name=given.first_name,
        last_name=given.last_name,
        email=given.email,
        password=given.password,
    )


@router.call(
    "POST",
    "/login",
    "You are logged in.",
    refuses=("invalid_credentials", "account_disabled", "too_many_tries"),
    public=True,
)
async def log_in(
    request: PublicCall,
    given: requests.LogIn,
    session: LoginSession | None,
    logins: Logins,
    settings: Settings,
) -> WithCookies[LoginBody]:
    """Log in.

    The access token lives for minutes, the refresh token for 7 days. An unknown address and a
    wrong password get the same answer. The cookie `qure_device` gives no rights: a device that
    sends it is not slowed down by others' failures. With `Qure-Session: login`, which is for
    pages, the refresh token is in the cookie `qure_login` and null in the body.
    """
    grant = await logins.log_in(
        email=given.email,
        password=given.password,
        device=device_of(
            request, settings, named=given.device_info.user_agent if given.device_info else None
        ),
    )
    shown, cookies = session_cookies.handed_out(grant.refresh_secret, session, request, settings)
    body = LoginBody(UserBody.of(grant.user), grant.access_jwt, shown)
    return WithCookies(body, (_device_cookie(grant.device_token, settings), *cookies))


@router.call(
    "POST",
    "/refresh-token",
    "Here are your next tokens.",
    refuses=("invalid_refresh_token", "account_disabled"),
    public=True,
)
async def refresh_tokens(
    request: PublicCall,
    given: requests.Refresh | None,
    session: AnySession | None,
    logins: Logins,
    settings: Settings,
) -> WithCookies[RefreshBody]:
    """Get the next pair of tokens.

    The refresh token that is given is spent by it. Asked again with it within 10 seconds, before
    the next one has been used, the same next one comes again. Any other use of a spent one is
    taken for theft, and the whole login ends. With `Qure-Session` no body is needed: the refresh
    token is read from the cookie `qure_login` or `qure_display`, and the next one is put there.
    Where it is not valid any more, the 401 expires the cookie.
    """
    secret = session_cookies.kept(request, session) if given is None else given.refresh_token
    try:
        grant = await logins.refresh(secret, device_token=request.cookies.get(DEVICE_COOKIE))
    except Unauthenticated as refusal:
        if session is None:
            raise
        gone = session_cookies.expired(session, request, settings)
        raise RefusedWithCookie(refusal, gone) from refusal
    shown, cookies = session_cookies.handed_out(grant.refresh_secret, session, request, settings)
    body = RefreshBody(grant.access_jwt, shown, UserBody.of(grant.user))
    return WithCookies(body, (_device_cookie(grant.device_token, settings), *cookies))


@router.call("POST", "/logout", "You are logged out.", public=True)
async def log_out(
    request: PublicCall,
    given: requests.LogOut | None,
    session: LoginSession | None,
    asker: Actor | None,
    logins: Logins,
    settings: Settings,
) -> WithCookies[None]:
    """Log out.

    Ends the login of that refresh token; an unknown one is fine too. With `Qure-Session: login`
    no body is needed: it ends the login of the access token, if a valid one comes along, and
    expires the cookie `qure_login`.
    """
    if given is not None:
        await logins.log_out(given.refresh_token)
    elif asker is not None:
        await logins.leave(actor=asker)
    if session is None:
        return WithCookies(None, ())
    return WithCookies(None, (session_cookies.expired(session, request, settings),))


@router.call("GET", "/me", "This is you.", refuses=("forbidden",), only=require_account)
async def read_profile(
    request: Call, profiles: Profiles, reads: CachedReads
) -> Annotated[bytes, ProfileBody]:
    """See yourself.

    For accounts: guests and displays have none. So it is with all of this but logging in.
    """
    user_id = request.user.user_id

    async def load() -> bytes:
        return encode(ProfileBody.of(await profiles.read(user_id)))

    return await reads.get_or_load(profile_group(user_id), "", ttl_seconds=DAY, load=load)


@router.call(
    "PUT",
    "/me",
    "Your profile has been changed.",
    refuses=("forbidden",),
    only=require_account,
)
async def update_profile(
    request: Call,
    given: requests.UpdateProfile,
    files: ImageFiles,
    profiles: Profiles,
    images: Images,
) -> ProfileBody:
    """Change your name or picture.

    What is left out stays. A picture is accepted at once, and is shown when it has been
    processed.
    """
    user = await profiles.update(
        first_name=None if given.first_name is UNSET else given.first_name,
        last_name=None if given.last_name is UNSET else given.last_name,
        image=next(iter(files.get("profilePicture", ())), None),
        actor=request.user,
        reader=ImagesFor(request, images),
    )
    return ProfileBody.of(user)


@router.call(
    "PUT",
    "/update-password",
    "Your password has been changed.",
    refuses=("forbidden", "wrong_password", "too_many_tries"),
    only=require_account,
)
async def change_password(
    request: Call, given: requests.ChangePassword, profiles: Profiles
) -> ProfileBody:
    """Change your password.

    Every other login of yours ends by it.
    """
    user = await profiles.change_password(
        old_password=given.old_password, new_password=given.new_password, actor=request.user
    )
    return ProfileBody.of(user)


@router.call(
    "GET",
    "/sessions",
    "These are your logins.",
    refuses=("forbidden",),
    only=require_account,
)
async def list_sessions(request: Call, logins: Logins) -> list[SessionBody]:
    """See where you are logged in."""
    actor = request.user
    sessions = await logins.list_all(actor=actor)
    return [SessionBody.of(one, current=actor.session_id) for one in sessions]


@router.call(
    "DELETE",
    "/sessions/{sessionId}",
    "That login has ended.",
    refuses=("forbidden",),
    only=require_account,
)
async def revoke_session(request: Call, session_id: SessionId, logins: Logins) -> None:
    """End one of your logins."""
    await logins.revoke(session_id, actor=request.user)


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
