"""``/api/setup``: the first admin of a new installation, made in the browser."""

from qure.application.accounts.first_admin import FirstAdmin
from qure.entrypoints.http.callers import address_of
from qure.entrypoints.http.calls import PublicCall
from qure.entrypoints.http.routing import Api
from qure.settings import Settings
from qure.wire.body import Body
from qure.wire.setup_requests import MakeFirstAdmin


class SetupBody(Body):
    """``needed`` until there was an admin."""

    needed: bool


router = Api("/api/setup", tag="Accounts")


@router.call(
    "GET", "/", "This is how far it is set up.", example=SetupBody(needed=True), public=True
)
async def read_setup(first_admin: FirstAdmin) -> SetupBody:
    """See whether a first admin is needed.

    Until one was ever made; a disabled one counts.
    """
    return SetupBody(await first_admin.is_needed())


@router.call(
    "POST",
    "/",
    "You are the admin and can log in.",
    status=201,
    refuses=("wrong_setup_code", "already_set_up", "email_taken", "too_many_tries"),
    public=True,
)
async def make_first_admin(
    request: PublicCall, given: MakeFirstAdmin, first_admin: FirstAdmin, settings: Settings
) -> None:
    """Become the first admin.

    For whoever has the setup code, which `qure serve` shows to the operator as long as there is no
    admin. It is good for one admin, once.
    """
    await first_admin.make(
        code=given.code,
        first_name=given.first_name,
        last_name=given.last_name,
        email=given.email,
        password=given.password,
        address=address_of(request, settings),
    )
