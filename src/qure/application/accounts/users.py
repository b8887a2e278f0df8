"""How admins find users and lock them out."""

from __future__ import annotations

from qure.application.access import require_admin
from qure.application.accounts.sessions import end_sessions
from qure.application.lookup import get_user
from qure.application.ports.gateways import Clock
from qure.application.ports.storage import Page, Storage, UnitOfWork
from qure.application.transact import transact
from qure.domain.actor import Actor, Role
from qure.domain.ids import UserId
from qure.domain.user import User


class Users:
    """For admins: each method raises ``Forbidden`` for others."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def search(
        self, *, query: str | None = None, role: Role | None = None, page: Page, actor: Actor
    ) -> tuple[list[User], int]:
        """A page of users, newest first, and how many match in all."""
        require_admin(actor)
        async with self._storage.read() as uow:
            return await uow.users.search(query=query, role=role, page=page)

    async def set_active(self, user_id: UserId, *, active: bool, actor: Actor) -> User:
        """Allow a user in, or lock them out and end all their sessions.

        Raises ``NotFound``, ``Forbidden`` (``cannot_disable_self`` too).
        """
        require_admin(actor)

        async def set_active(uow: UnitOfWork) -> User:
            user = await get_user(uow, user_id, lock=True)
            now = self._clock.now()
            if user.set_active(active, by=actor, at=now):
                if not active:
                    await end_sessions(uow, user.id, by=actor, at=now)
                await uow.users.save(user)
                await uow.commit()
            return user

        return await transact(self._storage, set_active)
