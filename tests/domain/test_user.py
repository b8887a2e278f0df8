"""What a user may become, and what is known of one who has said little."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qure.domain.actor import Role
from qure.domain.errors import Conflict, Forbidden
from qure.domain.ids import ClinicId, UserId
from qure.domain.user import User, initials_picture, normalise_email
from tests.builders import NOW, build_admin, build_staff, build_user, new_id

LATER = NOW + timedelta(hours=1)
CLINIC = ClinicId(new_id())


def test_addresses_are_compared_trimmed_and_in_lower_case() -> None:
    assert normalise_email("  Ada@Example.ORG\n") == "ada@example.org"


def test_the_initials_picture_quotes_the_whole_name() -> None:
    assert (
        initials_picture("Zoë", "O'Neil & Co/Sons")
        == "https://api.dicebear.com/9.x/initials/svg?seed=Zo%C3%AB%20O%27Neil%20%26%20Co%2FSons"
    )


def test_who_registers_is_an_active_patient_of_no_clinic_shown_by_their_initials() -> None:
    id = UserId(new_id())
    user = User.register(
        id=id,
        first_name="Ada",
        last_name="Lovelace",
        email=" Ada@Example.org ",
        password_hash="hash",
        at=NOW,
    )
    assert (user.id, user.role, user.clinic_id, user.is_active) == (id, Role.PATIENT, None, True)
    assert user.email == "ada@example.org"
    assert user.password_hash == "hash"
    assert user.profile_picture == initials_picture("Ada", "Lovelace")
    assert (user.created_at, user.updated_at) == (NOW, NOW)


def test_a_patient_becomes_staff_of_the_clinic_they_join_and_a_patient_when_they_leave() -> None:
    user = build_user()
    user.join_clinic(CLINIC, at=LATER)
    assert (user.role, user.clinic_id, user.updated_at) == (Role.STAFF, CLINIC, LATER)
    user.leave_clinic(at=LATER + timedelta(hours=1))
    assert (user.role, user.clinic_id) == (Role.PATIENT, None)
    assert user.updated_at == LATER + timedelta(hours=1)


@pytest.mark.parametrize(
    ("user", "code"),
    [
        (build_admin(), "user_is_admin"),
        (build_staff(CLINIC), "already_staff"),
        (build_staff(ClinicId(new_id())), "already_staff"),
    ],
)
def test_admins_and_staff_of_any_clinic_cannot_join_one(user: User, code: str) -> None:
    role, clinic_id = user.role, user.clinic_id
    with pytest.raises(Conflict) as refused:
        user.join_clinic(CLINIC, at=LATER)
    assert refused.value.code == code
    assert (user.role, user.clinic_id, user.updated_at) == (role, clinic_id, NOW)


def test_staff_who_are_promoted_leave_their_clinic() -> None:
    user = build_staff(CLINIC)
    user.promote_to_admin(at=LATER)
    assert (user.role, user.clinic_id, user.updated_at) == (Role.ADMIN, None, LATER)


def test_a_user_is_locked_out_and_let_in_again() -> None:
    admin, user = build_admin(), build_user()
    assert user.set_active(False, by=admin.id, at=LATER)
    assert (user.is_active, user.updated_at) == (False, LATER)
    assert user.set_active(True, by=admin.id, at=LATER)
    assert user.is_active


@pytest.mark.parametrize("active", [True, False])
def test_what_is_so_already_is_no_change(active: bool) -> None:
    user = build_user(is_active=active)
    assert not user.set_active(active, by=UserId(new_id()), at=LATER)
    assert user.updated_at == NOW


def test_nobody_locks_themselves_out_but_confirming_that_one_is_in_is_fine() -> None:
    admin = build_admin()
    with pytest.raises(Forbidden) as refused:
        admin.set_active(False, by=admin.id, at=LATER)
    assert refused.value.code == "cannot_disable_self"
    assert admin.is_active
    assert not admin.set_active(True, by=admin.id, at=LATER)
