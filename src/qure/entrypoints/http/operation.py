"""What a call of the API says of itself: one description for the router and the documentation."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qure.wire.parsing import Fields

OPERATION = "operation"
"""Where a route's ``opt`` keeps its description."""

_CODES = {
    400: ("wrong_password", "authorization_pending", "slow_down", "expired_token"),
    401: ("invalid_credentials", "invalid_refresh_token", "invalid_guest_secret"),
    403: ("forbidden", "account_disabled", "cannot_disable_self", "wrong_setup_code"),
    404: (
        *("queue_not_found", "user_not_found", "staff_not_found", "service_not_found"),
        "join_code_not_found",
    ),
    409: (
        *("email_taken", "already_set_up", "already_staff", "user_is_admin", "not_an_account"),
        *("clinic_exists", "clinic_retired", "guest_join_off"),
        *("service_exists", "prefix_taken", "default_service", "too_many_services"),
        *("service_retired", "desk_taken", "desk_closed", "desk_retired", "too_many_desks"),
        *("queue_exists", "queue_empty", "queue_full", "queue_inactive", "queue_closed"),
        "too_late_today",
        *("queue_not_open", "illegal_transition", "nobody_behind", "nothing_to_undo"),
        *("active_token_exists", "too_many_takes", "too_many_active_tokens"),
        *("version_conflict", "idempotency_key_reused", "not_a_guest", "too_many_displays"),
    ),
    429: ("too_many_tries",),
}
_STATUS = {code: status for status, codes in _CODES.items() for code in codes}

_ID = re.compile(r"\{(\w+)Id\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call of the API.

    ``answer`` is the type of ``data``, ``example`` a sample of it. ``body`` and ``query`` are
    what is read from the request, beside an idempotency key if it ``takes_key`` and the header
    ``Qure-Session`` if it knows ``sessions`` (with it no body is read where it ``spares_body``). It
    ``takes_asker`` where anybody may call, but whoever has a login is known. ``refusals`` are the
    codes of its own, by status; what every call may answer is not listed. What is not
    ``enveloped`` is answered as it is, also with ``other_status``.
    """

    id: str
    summary: str
    description: str
    tag: str
    message: str
    answer: Any
    example: Any
    status: int
    body: type[Fields] | None
    body_optional: bool
    query: type[Fields] | None
    takes_key: bool
    sessions: tuple[str, ...]
    spares_body: bool
    takes_asker: bool
    refusals: Mapping[int, tuple[str, ...]]
    public: bool
    enveloped: bool
    other_status: int | None

    def __deepcopy__(self, memo: object) -> Operation:
        """Itself: nobody changes it, and the framework copies each route for each router."""
        return self


def refusals(path: str, own: tuple[str, ...]) -> Mapping[int, tuple[str, ...]]:
    """The codes by status: that a thing in the path is not there, and a call's own.

    A patient in the path is only compared with who asks.
    """
    found: dict[int, tuple[str, ...]] = {}
    missing = [(404, f"{thing}_not_found") for thing in _ID.findall(path) if thing != "patient"]
    for status, code in (*missing, *((_STATUS[code], code) for code in own)):
        found[status] = (*found.get(status, ()), code)
    return found


def texts_of(handler: Callable[..., object]) -> tuple[str, str]:
    """Summary and description, as the handler's docstring has them."""
    summary, _, rest = (inspect.getdoc(handler) or "").partition("\n")
    return summary.removesuffix("."), " ".join(rest.split()) or summary


def camel_case(name: str) -> str:
    """``queue_id`` as clients write it: ``queueId``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
