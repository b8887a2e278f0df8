"""Who may act: each rule against each kind of person."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qure.application.access import (
    require_account,
    require_admin,
    require_desk,
    require_desk_of,
    require_holder_or_desk,
    require_patient,
    require_person,
    require_sees,
    require_self,
    works_at,
)
from qure.domain.actor import SYSTEM, Actor
from qure.domain.errors import Forbidden
from qure.domain.ids import ClinicId, UserId
from tests.application.world import acting
from tests.support.builders import (
    build_admin,
    build_display,
    build_display_user,
    build_guest,
    build_staff,
    build_user,
    new_id,
)

CLINIC = ClinicId(new_id())
ADMIN = acting(build_admin())
PATIENT = acting(build_user())
GUEST = acting(build_guest())
EVERYONE = {
    "admin": ADMIN,
    "staff": acting(build_staff(CLINIC)),
    "staff elsewhere": acting(build_staff(ClinicId(new_id()))),
    "patient": PATIENT,
    "guest": GUEST,
    "display": acting(build_display_user(build_display(CLINIC))),
    "display elsewhere": acting(build_display_user(build_display())),
}
PEOPLE = {"admin", "staff", "staff elsewhere", "patient", "guest"}

RULES: dict[str, tuple[Callable[[Actor], None], set[str]]] = {
    "an admin": (require_admin, {"admin"}),
    "a patient": (require_patient, {"patient", "guest"}),
    "somebody with an account": (require_account, PEOPLE - {"guest"}),
    "a person": (require_person, PEOPLE),
    "whoever sees the clinic": (
        lambda actor: require_sees(actor, CLINIC),
        PEOPLE | {"display"},
    ),
    "a desk": (require_desk, {"admin", "staff", "staff elsewhere"}),
    "the desk of the clinic": (
        lambda actor: require_desk_of(actor, CLINIC),
        {"admin", "staff"},
    ),
    "the patient or the desk": (
        lambda actor: require_holder_or_desk(actor, PATIENT.user_id, CLINIC),
        {"patient", "admin", "staff"},
    ),
    "the guest or the desk": (
        lambda actor: require_holder_or_desk(actor, GUEST.user_id, CLINIC),
        {"guest", "admin", "staff"},
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


def test_at_a_clinic_work_its_staff_and_all_admins() -> None:
    at_work = {who for who, actor in EVERYONE.items() if works_at(actor, CLINIC)}
    assert at_work == {"admin", "staff"}


def test_not_even_an_admin_is_someone_else() -> None:
    with pytest.raises(Forbidden):
        require_self(ADMIN, UserId(new_id()))


def test_whoever_was_a_patient_and_is_staff_elsewhere_has_no_say_over_their_old_token() -> None:
    user = build_user()
    token_of = user.id
    moved = acting(build_staff(ClinicId(new_id()), id=user.id))
    with pytest.raises(Forbidden):
        require_holder_or_desk(moved, token_of, CLINIC)


@pytest.mark.parametrize(
    "rule", [name for name in RULES if name not in ("a person", "whoever sees the clinic")]
)
def test_the_clock_asks_for_no_right_and_has_none(rule: str) -> None:
    with pytest.raises(Forbidden):
        RULES[rule][0](SYSTEM)
