"""What a user may become, and what is known of one who has said little."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from qure.domain.actor import SYSTEM, Actor, ActorKind, Role
from qure.domain.errors import Conflict, Forbidden
from qure.domain.events import ImageReplaced, UserChanged
from qure.domain.ids import ClinicId, ImageId, SessionId, UserId
from qure.domain.user import User, initials_image, normalise_email
from tests.support.builders import (
    NOW,
    build_actor,
    build_admin,
    build_display,
    build_display_user,
    build_guest,
    build_staff,
    build_user,
    new_id,
)

LATER = NOW + timedelta(hours=1)
CLINIC = ClinicId(new_id())
ADMIN = build_actor(build_admin())


def changed(user: User, **fields: Any) -> UserChanged:
    """What is told of a change that the admin made."""
    told: dict[str, Any] = {"user_id": user.id, "is_active": True, "actor": ADMIN, "at": LATER}
    return UserChanged(**(told | fields))


def update(user: User, **fields: Any) -> None:
    nothing: dict[str, Any] = {"first_name": None, "last_name": None, "pending_picture": None}
    user.update(**(nothing | fields), by=ADMIN, at=LATER)


def test_addresses_are_compared_trimmed_and_in_lower_case() -> None:
    assert normalise_email("  Ada@Example.ORG\n") == "ada@example.org"


def test_the_initials_image_quotes_the_whole_name() -> None:
    assert (
        initials_image("Zoë", "O'Neil & Co/Sons")
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
    assert user.profile_picture == initials_image("Ada", "Lovelace")
    assert (user.created_at, user.updated_at) == (NOW, NOW)
    assert user.events == [], "nobody has seen them yet"


def test_a_guest_is_a_patient_whom_no_e_mail_and_no_password_lets_in() -> None:
    id = UserId(new_id())
    guest = User.without_login(id=id, name="Grace", at=NOW)
    assert (guest.id, guest.role, guest.guest, guest.clinic_id) == (id, Role.PATIENT, True, None)
    assert (guest.email, guest.password_hash) == (None, None)
    assert (guest.full_name, guest.is_active) == ("Grace", True)
    assert guest.profile_picture == initials_image("Grace", "")
    assert (guest.created_at, guest.updated_at, guest.events) == (NOW, NOW, [])


def test_a_display_is_of_its_clinic_and_no_guest() -> None:
    id = UserId(new_id())
    display = User.without_login(id=id, name="Entrance", at=NOW, display_of=CLINIC)
    assert (display.role, display.clinic_id, display.guest) == (Role.DISPLAY, CLINIC, False)
    assert (display.email, display.password_hash) == (None, None)


@pytest.mark.parametrize(
    ("user", "kind", "is_patient"),
    [
        (build_user(), ActorKind.USER, True),
        (build_staff(CLINIC), ActorKind.USER, False),
        (build_admin(), ActorKind.USER, False),
        (build_guest(), ActorKind.GUEST, True),
        (build_display_user(build_display(CLINIC)), ActorKind.DISPLAY, False),
    ],
    ids=["patient", "staff", "admin", "guest", "display"],
)
def test_everybody_acts_as_what_they_are_through_their_login(
    user: User, kind: ActorKind, is_patient: bool
) -> None:
    session_id = SessionId(new_id())
    actor = user.acting(session_id)
    assert actor == Actor(
        kind=kind, id=user.id, session_id=session_id, role=user.role, clinic_id=user.clinic_id
    )
    assert actor.is_patient is is_patient


@pytest.mark.parametrize("kind", [ActorKind.USER, ActorKind.GUEST])
def test_users_and_guests_are_persons(kind: ActorKind) -> None:
    id = new_id()
    assert Actor(kind=kind, id=id).user_id == id


@pytest.mark.parametrize(
    "actor", [SYSTEM, Actor(kind=ActorKind.DISPLAY, id=new_id()), Actor(kind=ActorKind.USER)]
)
def test_the_system_and_displays_are_no_persons(actor: Actor) -> None:
    with pytest.raises(LookupError):
        _ = actor.user_id


def test_a_full_name_is_first_and_last_name_or_the_one_there_is() -> None:
    assert build_user(first_name="Ada", last_name="Lovelace").full_name == "Ada Lovelace"
    assert build_user(first_name="Ada", last_name="").full_name == "Ada"


@pytest.mark.parametrize(
    "user",
    [build_guest(), build_display_user(build_display(CLINIC))],
    ids=["guest", "display"],
)
def test_who_has_no_login_of_their_own_cannot_become_staff(user: User) -> None:
    before = replace(user, events=[])
    with pytest.raises(Conflict) as refused:
        user.join_clinic(CLINIC, by=ADMIN, at=LATER)
    assert refused.value.code == "not_an_account"
    assert (user, user.events) == (before, [])


def test_a_patient_becomes_staff_of_the_clinic_they_join_and_a_patient_when_they_leave() -> None:
    user = build_user()
    user.join_clinic(CLINIC, by=ADMIN, at=LATER)
    assert (user.role, user.clinic_id, user.updated_at) == (Role.STAFF, CLINIC, LATER)
    user.leave_clinic(by=ADMIN, at=LATER + timedelta(hours=1))
    assert (user.role, user.clinic_id) == (Role.PATIENT, None)
    assert user.updated_at == LATER + timedelta(hours=1)
    assert user.events == [
        changed(user, clinic_ids=(CLINIC,)),
        changed(user, clinic_ids=(CLINIC,), at=LATER + timedelta(hours=1)),
    ]


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
        user.join_clinic(CLINIC, by=ADMIN, at=LATER)
    assert refused.value.code == code
    assert (user.role, user.clinic_id, user.updated_at) == (role, clinic_id, NOW)
    assert user.events == []


def test_staff_who_are_promoted_leave_their_clinic() -> None:
    user = build_staff(CLINIC)
    user.promote_to_admin(by=ADMIN, at=LATER)
    assert (user.role, user.clinic_id, user.updated_at) == (Role.ADMIN, None, LATER)
    assert user.events == [changed(user, clinic_ids=(CLINIC,))]


def test_a_user_is_locked_out_and_let_in_again() -> None:
    user = build_user()
    assert user.set_active(False, by=ADMIN, at=LATER)
    assert (user.is_active, user.updated_at) == (False, LATER)
    assert user.events == [changed(user, is_active=False)]
    assert user.set_active(True, by=ADMIN, at=LATER)
    assert user.is_active
    assert user.events[1:] == [changed(user, is_active=True)]


@pytest.mark.parametrize("active", [True, False])
def test_what_is_so_already_is_no_change(active: bool) -> None:
    user = build_user(is_active=active)
    assert not user.set_active(active, by=ADMIN, at=LATER)
    assert user.updated_at == NOW
    assert user.events == []


def test_nobody_locks_themselves_out_but_confirming_that_one_is_in_is_fine() -> None:
    admin = build_admin()
    with pytest.raises(Forbidden) as refused:
        admin.set_active(False, by=build_actor(admin), at=LATER)
    assert refused.value.code == "cannot_disable_self"
    assert admin.is_active
    assert admin.events == []
    assert not admin.set_active(True, by=build_actor(admin), at=LATER)


def test_a_profile_changes_in_what_was_given_and_that_is_told() -> None:
    user = build_user(first_name="Ada", last_name="Byron")
    picture = user.profile_picture
    update(user, last_name="Lovelace")
    assert (user.first_name, user.last_name, user.updated_at) == ("Ada", "Lovelace", LATER)
    assert (user.profile_picture, user.pending_picture) == (picture, None)
    assert user.events == [changed(user)]
    update(user, first_name="Augusta")
    assert (user.first_name, user.last_name) == ("Augusta", "Lovelace")


def test_initials_follow_the_name_and_a_picture_stays() -> None:
    by_initials = build_user(
        first_name="Ada", last_name="Byron", profile_picture=initials_image("Ada", "Byron")
    )
    update(by_initials, first_name="Augusta")
    assert by_initials.profile_picture == initials_image("Augusta", "Byron")
    with_picture = build_user(profile_picture="https://example.org/me.jpg")
    update(with_picture, first_name="Augusta")
    assert with_picture.profile_picture == "https://example.org/me.jpg"


def test_the_newest_picture_is_waited_for_while_the_old_one_is_shown() -> None:
    user = build_user(pending_picture=ImageId(new_id()))
    old, newest = user.profile_picture, ImageId(new_id())
    update(user, pending_picture=newest)
    assert (user.profile_picture, user.pending_picture) == (old, newest)
    update(user, first_name="Grace")
    assert user.pending_picture == newest, "a change of the name waits on"


def test_staff_who_change_are_told_to_their_clinic() -> None:
    user = build_staff(CLINIC)
    update(user, first_name="Grace")
    assert user.events == [changed(user, clinic_ids=(CLINIC,))]


@pytest.mark.parametrize("clinic_ids", [(), (CLINIC,)])
def test_a_picture_that_is_done_takes_the_place_of_the_one_before(
    clinic_ids: tuple[ClinicId, ...],
) -> None:
    waiting = {"pending_picture": ImageId(new_id())}
    user = build_staff(CLINIC, **waiting) if clinic_ids else build_user(**waiting)
    old, url = user.profile_picture, "https://media.example.org/new.jpg"
    user.show_image(url, at=LATER)
    assert (user.profile_picture, user.pending_picture, user.updated_at) == (url, None, LATER)
    assert user.events == [
        ImageReplaced(url=old, actor=SYSTEM, at=LATER),
        changed(user, clinic_ids=clinic_ids, actor=SYSTEM),
    ]


def test_a_picture_that_is_shown_already_is_not_replaced_by_itself() -> None:
    user = build_user(pending_picture=ImageId(new_id()))
    user.show_image(user.profile_picture, at=LATER)
    assert user.pending_picture is None
    assert user.events == [changed(user, actor=SYSTEM)]


def test_events_are_no_part_of_what_a_user_is() -> None:
    user = build_user()
    before = replace(user, events=[])
    user.events.append(changed(user))
    assert user == before
