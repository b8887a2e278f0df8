"""Who may act: each rule against each kind of person."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qure.application.access import (
    require_admin,
    require_desk,
    require_desk_of,
    require_patient,
    require_self,
)
from qure.domain.actor import Actor
from qure.domain.errors import Forbidden
from qure.domain.ids import ClinicId, UserId
from tests.application.world import acting
from tests.support.builders import build_admin, build_staff, build_user, new_id

CLINIC = ClinicId(new_id())
ADMIN = acting(build_admin())
STAFF = acting(build_staff(CLINIC))
STAFF_ELSEWHERE = acting(build_staff(ClinicId(new_id())))
PATIENT = acting(build_user())
EVERYONE = {
    "admin": ADMIN,
    "staff": STAFF,
    "staff elsewhere": STAFF_ELSEWHERE,
    "patient": PATIENT,
}

RULES: dict[str, tuple[Callable[[Actor], None], set[str]]] = {
    "admin": (require_admin, {"admin"}),
    "patient": (require_patient, {"patient"}),
    "a desk": (require_desk, {"admin", "staff", "staff elsewhere"}),
    "the desk of the clinic": (
        lambda actor: require_desk_of(actor, CLINIC),
        {"admin", "staff"},
    ),
    "oneself": (lambda actor: require_self(actor, PATIENT.user_id), {"patient"}),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("who", EVERYONE)
def test_whoever_is_not_meant_is_forbidden(rule: str, who: str) -> None:
    require, meant = RULES[rule]
    if who in meant:
        require(EVERYONE[who])
        return
    with pytest.raises(Forbidden) as refused:
        require(EVERYONE[who])
    assert refused.value.code == "forbidden"


def test_not_even_an_admin_is_someone_else() -> None:
    with pytest.raises(Forbidden):
        require_self(ADMIN, UserId(new_id()))
