"""Registering, and what users and admins may change about users."""

from __future__ import annotations

from qure.application.access import Principal, require_admin
from qure.application.accounts.logins import revoke
from qure.application.lookup import find_user
from qure.application.jobs.images import stage_images
from qure.application.ports.gateways import (
    Clock,
    Images,
    PasswordHasher,
    Randomness,
    Throttle,
)
from qure.application.ports.storage import Page, Storage
from qure.application.transact import retried
from qure.application.accounts.attempts import password_limits, registration_limits, take_a_try
from qure.domain.errors import FieldError, Invalid, Unavailable
from qure.domain.events import UserChanged
from qure.domain.ids import ClinicId, UserId
from qure.domain.image import ImagePurpose
from qure.domain.user import Role, User, initials_picture, normalise_email


async def admit_registration(
    address: str | None, *, throttle: Throttle, in_ten_minutes: int
) -> None:
    """Count a stranger's registration from that address, before any work is done for it.

    Whatever comes of it, it counts. Raises ``TooManyTries``.
    """
    await take_a_try(
        throttle,
        registration_limits(address, in_ten_minutes=in_ten_minutes),
        refusal="Too many registrations from your network. Please wait a moment.",
    )


async def register_user(
    *,
    first_name: str,
    last_name: str,
    email: str,
    password: str,
    storage: Storage,
    passwords: PasswordHasher,
    clock: Clock,
    randomness: Randomness,
) -> User:
    """A new patient. Raises ``Conflict`` (``email_taken``)."""
    user = User.register(
        id=UserId(randomness.new_id()),
        first_name=first_name,
        last_name=last_name,
        email=email,
        password_hash=await passwords.hash(password),
        at=clock.now(),
    )
    async with storage.write() as uow:
        await uow.users.add(user)
        await uow.commit()
    return user


async def read_profile(user_id: UserId, *, storage: Storage) -> User:
    """The user as stored. Raises ``NotFound``."""
    async with storage.read() as uow:
        return await find_user(uow, user_id)


@retried
async def update_profile(
    *,
    first_name: str | None,
    last_name: str | None,
    picture: bytes | None,
    actor: Principal,
    storage: Storage,
    images: Images,
    clock: Clock,
    randomness: Randomness,
) -> User:
    """Change what is not None; a picture is shown when its job is done.

    Raises ``Invalid`` for bytes that are no picture (path ``profilePicture``).
    """
    if picture is not None:
        await images.check(picture, path="profilePicture")
    async with storage.write() as uow:
        user = await find_user(uow, actor.user_id, lock=True)
        had_initials = user.profile_picture == initials_picture(user.first_name, user.last_name)
        user.first_name = first_name or user.first_name
        user.last_name = last_name or user.last_name
        if had_initials:
            user.profile_picture = initials_picture(user.first_name, user.last_name)
        user.updated_at = clock.now()
        if picture is not None:
            (user.pending_picture,) = await stage_images(
                uow,
                [picture],
                purpose=ImagePurpose.PROFILE_PICTURE,
                owner_id=user.id,
                batch=randomness.new_id(),
                actor=actor,
                clock=clock,
                randomness=randomness,
            )
        await uow.users.save(user)
        uow.record(_changed(user, actor=actor, clock=clock))
        await uow.commit()
    return user


async def change_password(
    *,
    old_password: str,
    new_password: str,
    actor: Principal,
    storage: Storage,
    passwords: PasswordHasher,
    throttle: Throttle,
    clock: Clock,
) -> User:
    """A new password; every other session of the user is revoked.

    Raises ``Invalid`` (``wrong_password``, path ``oldPassword``) and ``TooManyTries``.
    """
    limits = password_limits(actor.user_id)
    await take_a_try(throttle, limits, refusal="Too many failed tries. Please wait a moment.")
    try:
        seen = await read_profile(actor.user_id, storage=storage)
        is_right = await passwords.verify(old_password, seen.password_hash)
    except Unavailable:
        await throttle.give_back(limits)
        raise
    if not is_right:
        raise _wrong_password()
    await throttle.give_back(limits)
    new_hash = await passwords.hash(new_password)
    async with storage.write() as uow:
        user = await find_user(uow, actor.user_id, lock=True)
        if user.password_hash != seen.password_hash:
            raise _wrong_password()
        user.password_hash = new_hash
        user.updated_at = clock.now()
        await uow.users.save(user)
        for session in await uow.sessions.live_of(user.id, now=clock.now()):
            if session.id != actor.session_id:
                await revoke(uow, session, actor_id=actor.user_id, clock=clock)
        await uow.commit()
    return user


async def search_users(
    *, query: str | None, role: Role | None, page: Page, actor: Principal, storage: Storage
) -> tuple[list[User], int]:
    """A page of users, newest first, and how many match in all. Raises ``Forbidden``."""
    require_admin(actor)
    async with storage.read() as uow:
        return await uow.users.search(query=query, role=role, page=page)


@retried
async def set_user_active(
    user_id: UserId, *, active: bool, actor: Principal, storage: Storage, clock: Clock
) -> User:
    """Allow a user in, or lock them out and end all their sessions.

    Raises ``NotFound``, ``Forbidden`` (``cannot_disable_self`` too).
    """
    require_admin(actor)
    async with storage.write() as uow:
        user = await find_user(uow, user_id, lock=True)
        now = clock.now()
        if user.set_active(active, by=actor.user_id, at=now):
            await uow.users.save(user)
            if not active:
                for session in await uow.sessions.live_of(user.id, now=now):
                    await revoke(uow, session, actor_id=actor.user_id, clock=clock)
            uow.record(_changed(user, actor=actor, clock=clock))
            await uow.commit()
    return user


async def create_admin(
    *,
    email: str,
    first_name: str,
    last_name: str,
    password: str | None,
    storage: Storage,
    passwords: PasswordHasher,
    clock: Clock,
    randomness: Randomness,
) -> tuple[User, bool]:
    """Promote the user with that address, or make one; whether one was made.

    An operator's command: nobody's leave is asked. A user who exists keeps name and password.
    Raises ``Invalid`` (path ``password``) when one has to be made and none is given, and
    ``Conflict`` (``email_taken``) when somebody registers the address at this very moment.
    """
    email = normalise_email(email)
    async with storage.write() as uow:
        user = await uow.users.by_email(email, lock=True)
        if user is not None:
            left = user.clinic_id
            user.promote_to_admin(at=clock.now())
            await uow.users.save(user)
            uow.record(_changed(user, actor=None, clock=clock, left=left))
            await uow.commit()
            return user, False
    if password is None:
        raise Invalid.field("password", "A new admin needs a password.")
    user = User.register(
        id=UserId(randomness.new_id()),
        first_name=first_name,
        last_name=last_name,
        email=email,
        password_hash=await passwords.hash(password),
        at=clock.now(),
        role=Role.ADMIN,
    )
    async with storage.write() as uow:
        await uow.users.add(user)
        await uow.commit()
    return user, True


def _changed(
    user: User, *, actor: Principal | None, clock: Clock, left: ClinicId | None = None
) -> UserChanged:
    clinics = {clinic_id for clinic_id in (user.clinic_id, left) if clinic_id is not None}
    return UserChanged(
        user_id=user.id,
        is_active=user.is_active,
        clinic_ids=tuple(clinics),
        actor_id=actor.user_id if actor else None,
        at=clock.now(),
    )


def _wrong_password() -> Invalid:
    wrong = FieldError("oldPassword", "The old password is wrong.")
    return Invalid([wrong], code="wrong_password", message=wrong.message)
