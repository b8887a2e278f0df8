"""``/api/users``: how admins find users and lock them out."""

from qure.application.accounts.users import Users
from qure.domain.ids import UserId
from qure.entrypoints.http.calls import Call
from qure.entrypoints.http.routing import Api
from qure.wire.requests import SearchUsers, SetActive
from qure.wire.responses import ManagedUserBody, UserListBody

router = Api("/api/users", tag="Users")


@router.call("GET", "/", "These are the users.", refuses=("forbidden",))
async def search_users(request: Call, given: SearchUsers, users: Users) -> UserListBody:
    """Find users.

    For admins: by name or e-mail address, by role, newest first.
    """
    page = given.wanted_page()
    found, total = await users.search(
        query=given.query, role=given.wanted_role, page=page, actor=request.user
    )
    return UserListBody.of(found, page, total)


@router.call(
    "PATCH",
    "/{userId}",
    "The user has been changed.",
    refuses=("forbidden", "cannot_disable_self"),
)
async def set_user_active(
    request: Call, user_id: UserId, given: SetActive, users: Users
) -> ManagedUserBody:
    """Lock a user out, or let them in again.

    For admins. Locking out ends every login of the user; nobody locks themselves out.
    """
    user = await users.set_active(user_id, active=given.is_active, actor=request.user)
    return ManagedUserBody.of(user)
