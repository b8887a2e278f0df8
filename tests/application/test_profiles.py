"""What users change of themselves: name, picture, password."""

from __future__ import annotations

import pytest

from qure.application.accounts.attempts import ACCOUNT_ATTEMPTS
from qure.domain import events
from qure.domain.actor import Actor
from qure.domain.errors import (
    FieldError,
    Invalid,
    NotFound,
    TooManyTries,
    Unavailable,
)
from qure.domain.ids import UserId
from qure.domain.image import ImagePurpose
from qure.domain.user import User, initials_image
from tests.application.world import World, outcomes
from tests.support.builders import new_id


async def test_a_user_who_does_not_exist_is_not_found(world: World) -> None:
    with pytest.raises(NotFound) as refused:
        await world.use.profiles.read(UserId(new_id()))
    assert refused.value.code == "user_not_found"


async def update(
    world: World,
    actor: Actor,
    *,
    first_name: str | None = None,
    last_name: str | None = None,
    image: bytes | None = None,
) -> User:
    return await world.use.profiles.update(
        first_name=first_name,
        last_name=last_name,
        image=image,
        actor=actor,
        reader=world.images,
    )


async def test_a_profile_changes_in_what_was_given_and_everyone_is_told(world: World) -> None:
    actor = await world.patient(first_name="Ada", last_name="Byron")
    at = world.clock.advance(minutes=1)
    changed = await update(world, actor, last_name="Lovelace")
    assert (changed.first_name, changed.last_name) == ("Ada", "Lovelace")
    assert changed.updated_at == at
    assert await world.user_of(actor.user_id) == changed
    assert world.events == [
        events.UserChanged(user_id=actor.user_id, is_active=True, clinic_ids=(), actor=actor, at=at)
    ]


async def test_initials_follow_the_name_but_a_picture_stays(world: World) -> None:
    with_initials = await world.patient(
        first_name="Ada", last_name="Byron", profile_picture=initials_image("Ada", "Byron")
    )
    with_picture = await world.patient(profile_picture="https://example.org/me.jpg")
    changed = await update(world, with_initials, first_name="Augusta")
    assert changed.profile_picture == initials_image("Augusta", "Byron")
    changed = await update(world, with_picture, first_name="Augusta")
    assert changed.profile_picture == "https://example.org/me.jpg"


async def test_staff_are_shown_changed_to_their_clinic(world: World) -> None:
    clinic = await world.clinic()
    actor = await world.staff_of(clinic.id)
    await update(world, actor, first_name="Grace")
    (told,) = world.events
    assert isinstance(told, events.UserChanged)
    assert told.clinic_ids == (clinic.id,)


async def test_a_picture_is_staged_with_the_change_and_shown_later(world: World) -> None:
    actor = await world.patient(profile_picture="https://example.org/old.jpg")
    changed = await update(world, actor, image=b"picture of me")
    assert changed.profile_picture == "https://example.org/old.jpg"
    assert changed.pending_picture is not None
    async with world.storage.read() as uow:
        staged = await uow.staged_images.get(changed.pending_picture)
    assert staged is not None
    assert (staged.purpose, staged.owner_id, staged.content) == (
        ImagePurpose.PROFILE_PICTURE,
        actor.user_id,
        b"picture of me",
    )
    (entry,) = world.told
    assert [type(event) for event in entry.events] == [events.ImageStaged, events.UserChanged]


async def test_what_is_no_picture_is_refused_before_anything_has_changed(world: World) -> None:
    actor = await world.patient(first_name="Ada")
    with pytest.raises(Invalid) as refused:
        await update(world, actor, first_name="Grace", image=b"a letter")
    assert refused.value.errors[0].path == "profilePicture"
    assert (await world.user_of(actor.user_id)).first_name == "Ada"


async def change(world: World, actor: Actor, old: str = "old", new: str = "new") -> User:
    return await world.use.profiles.change_password(
        old_password=old,
        new_password=new,
        actor=actor,
    )


async def test_a_new_password_ends_every_other_session_of_the_user(world: World) -> None:
    user, (here, *elsewhere) = await world.with_sessions()
    bystander, _ = await world.with_sessions(1)
    changed = await change(world, here)
    assert changed.password_hash == "hash of new"
    assert (await world.user_of(user.id)).password_hash == "hash of new"
    assert await world.live_sessions_of(user) == [here.session_id]
    assert len(await world.live_sessions_of(bystander)) == 1
    revoked = [one.session_id for one in world.events if isinstance(one, events.SessionRevoked)]
    assert set(revoked) == {one.session_id for one in elsewhere}
    assert len(revoked) == len(elsewhere)


async def test_a_wrong_old_password_changes_nothing_and_names_the_field(world: World) -> None:
    user, (here, _) = await world.with_sessions(2)
    with pytest.raises(Invalid) as refused:
        await change(world, here, old="guess")
    assert refused.value.code == "wrong_password"
    assert refused.value.errors == (FieldError("oldPassword", "The old password is wrong."),)
    assert (await world.user_of(user.id)).password_hash == "hash of old"
    assert len(await world.live_sessions_of(user)) == 2


async def test_guessing_the_old_password_is_bounded_and_only_guesses_count(
    world: World,
) -> None:
    _, (here,) = await world.with_sessions(1)
    for number in range(ACCOUNT_ATTEMPTS):
        await change(world, here, old="old" if number == 0 else "new", new="new")
    for _ in range(ACCOUNT_ATTEMPTS):
        with pytest.raises(Invalid):
            await change(world, here, old="guess")
    with pytest.raises(TooManyTries):
        await change(world, here, old="new")


async def test_an_old_password_that_was_not_looked_at_is_not_counted(world: World) -> None:
    _, (here,) = await world.with_sessions(1)
    for _ in range(ACCOUNT_ATTEMPTS + 1):
        world.storage.read_errors.append(Unavailable("The database is away."))
        with pytest.raises(Unavailable):
            await change(world, here)
    await change(world, here)


async def test_of_two_changes_at_once_from_the_same_old_password_one_wins(
    world: World,
) -> None:
    user, (here, there) = await world.with_sessions(2)
    (won,), (lost,) = await outcomes(
        (change(world, here, new="one"), change(world, there, new="two"))
    )
    assert lost.code == "wrong_password"
    assert (await world.user_of(user.id)).password_hash == won.password_hash
