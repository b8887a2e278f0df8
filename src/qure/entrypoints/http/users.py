"""``/api/users``: how admins find users and lock them out."""

from litestar import Router, get, patch
from litestar.response.base import ASGIResponse

from qure.application.accounts.users import Users
from qure.domain.ids import UserId
from qure.entrypoints.http import samples
from qure.entrypoints.http.answers import answer
from qure.entrypoints.http.bodies import read_json, read_query
from qure.entrypoints.http.calls import Call, Injected, UserIdInPath
from qure.entrypoints.http.operation import operation
from qure.wire import requests, responses

TAG = "Users"


@get(
    "/",
    **operation(
        "searchUsers",
        "Find users",
        tag=TAG,
        message="These are the users.",
        description="For admins: by name or e-mail address, by role, newest first.",
        answer=responses.UserListBody,
        example=samples.USERS,
        query=requests.SearchUsers,
        refusals={403: ("forbidden",)},
    ),
)
async def search_users(request: Call, users: Injected[Users]) -> ASGIResponse:
    given = read_query(request.scope, requests.SearchUsers)
    page = given.wanted_page()
    found, total = await users.search(
        query=given.query,
        role=given.role,
        page=page,
        actor=request.user,
    )
    return answer(request, responses.UserListBody.of(found, page, total))


@patch(
    "/{userId:str}",
    **operation(
        "setUserActive",
        "Lock a user out, or let them in again",
        tag=TAG,
        message="The user has been changed.",
        description="For admins. Locking out ends every login of the user; nobody locks "
        "themselves out.",
        answer=responses.ManagedUserBody,
        example=samples.MANAGED_USER,
        body=requests.SetActive,
        refusals={403: ("forbidden", "cannot_disable_self"), 404: ("user_not_found",)},
    ),
)
async def set_user_active(
    request: Call, user_id: UserIdInPath, users: Injected[Users]
) -> ASGIResponse:
    given = await read_json(request, requests.SetActive)
    user = await users.set_active(
        UserId(user_id),
        active=given.is_active,
        actor=request.user,
    )
    return answer(request, responses.ManagedUserBody.of(user))


router = Router("/api/users", route_handlers=[search_users, set_user_active])
