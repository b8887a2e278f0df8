"""What users see and change of themselves."""

from __future__ import annotations

from qure.application.access import require_account
from qure.application.accounts.attempts import password_limits, take_an_attempt
from qure.application.accounts.sessions import end_sessions
from qure.application.jobs.images import stage_images
from qure.application.lookup import get_user
from qure.application.ports.gateways import Clock, Ids, Images, PasswordHasher, Throttle
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.transact import transact
from qure.domain.actor import Actor
from qure.domain.errors import FieldError, Invalid, Unavailable
from qure.domain.ids import UserId
from qure.domain.image import ImagePurpose
from qure.domain.user import User


class Profiles:
    """Every account's own: what changes it raises ``Forbidden`` for guests and displays."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        *,
        passwords: PasswordHasher,
        throttle: Throttle,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._passwords = passwords
        self._throttle = throttle

    async def read(self, user_id: UserId) -> User:
        """The user as stored. Raises ``NotFound``."""
        async with self._storage.read() as uow:
            return await get_user(uow, user_id)

    async def update(
        self,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        image: bytes | None = None,
        reader: Images,
        actor: Actor,
    ) -> User:
        """Change what is not None; an image is shown when its job is done.

        Raises ``Forbidden``, and ``Invalid`` for bytes that are no image (path ``profilePicture``).
        """
        require_account(actor)
        if image is not None:
            await reader.check(image, path="profilePicture")

        async def update(uow: UnitOfWork) -> User:
            user = await get_user(uow, actor.user_id, lock=True)
            now = self._clock.now()
            staged = await stage_images(
                uow,
                [] if image is None else [image],
                purpose=ImagePurpose.PROFILE_PICTURE,
                owner_id=user.id,
                ids=self._ids,
                by=actor,
                at=now,
            )
            user.update(
                first_name=first_name,
                last_name=last_name,
                pending_picture=staged[0].id if staged else None,
                by=actor,
                at=now,
            )
            await uow.users.save(user)
            await uow.commit()
            return user

        return await transact(self._storage, update)

    async def change_password(self, *, old_password: str, new_password: str, actor: Actor) -> User:
        """A new password; every other session of the user is revoked.

        Raises ``Forbidden``, ``Invalid`` (``wrong_password``, path ``oldPassword``) and
        ``TooManyTries``.
        """
        require_account(actor)
        limits = password_limits(actor.user_id)
        await take_an_attempt(
            self._throttle, limits, refusal="Too many failed tries. Please wait a moment."
        )
        try:
            seen = await self.read(actor.user_id)
            is_right = await self._passwords.verify(old_password, seen.password_hash)
        except Unavailable:
            await self._throttle.give_back(limits)
            raise
        if not is_right:
            raise _wrong_password()
        await self._throttle.give_back(limits)
        new_hash = await self._passwords.hash(new_password)

        async def change(uow: UnitOfWork) -> User:
            user = await get_user(uow, actor.user_id, lock=True)
            if user.password_hash != seen.password_hash:
                raise _wrong_password()
            now = self._clock.now()
            user.password_hash = new_hash
            user.updated_at = now
            await uow.users.save(user)
            await end_sessions(uow, user.id, by=actor, at=now, but=actor.session_id)
            await uow.commit()
            return user

        return await transact(self._storage, change)


def _wrong_password() -> Invalid:
    wrong = FieldError("oldPassword", "The old password is wrong.")
    return Invalid([wrong], code="wrong_password", message=wrong.message)
