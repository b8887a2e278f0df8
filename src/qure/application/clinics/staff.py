"""Who works at a clinic."""

from __future__ import annotations

from qure.application.access import require_admin, require_desk_of
from qure.application.lookup import get_clinic, get_user
from qure.application.ports.gateways import Clock
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.transact import transact
from qure.domain.actor import Actor, Role
from qure.domain.errors import NotFound
from qure.domain.ids import ClinicId, UserId
from qure.domain.user import User, normalise_email


class Staff:
    """Admins add and remove staff: ``Forbidden`` for others."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def add(
        self,
        clinic_id: ClinicId,
        *,
        user_id: UserId | None = None,
        email: str | None = None,
        actor: Actor,
    ) -> User:
        """Make a user staff of the clinic, found by id or else by e-mail address.

        Raises ``NotFound``, ``Conflict`` (``user_is_admin``, ``already_staff``).
        """
        require_admin(actor)

        async def add(uow: UnitOfWork) -> User:
            await get_clinic(uow, clinic_id)
            if user_id is not None:
                user = await get_user(uow, user_id, lock=True)
            else:
                found = await uow.users.by_email(normalise_email(email or ""), lock=True)
                if found is None:
                    raise NotFound("user_not_found", "There is no user with this e-mail address.")
                user = found
            user.join_clinic(clinic_id, by=actor, at=self._clock.now())
            await uow.users.save(user)
            await uow.commit()
            return user

        return await transact(self._storage, add)

    async def remove(self, clinic_id: ClinicId, user_id: UserId, *, actor: Actor) -> User:
        """Make a staff member of the clinic a patient again. Raises ``NotFound``."""
        require_admin(actor)

        async def remove(uow: UnitOfWork) -> User:
            await get_clinic(uow, clinic_id)
            user = await get_user(uow, user_id, lock=True)
            if user.role is not Role.STAFF or user.clinic_id != clinic_id:
                raise NotFound("staff_not_found", "This user is not staff of this clinic.")
            user.leave_clinic(by=actor, at=self._clock.now())
            await uow.users.save(user)
            await uow.commit()
            return user

        return await transact(self._storage, remove)

    async def list_all(self, clinic_id: ClinicId) -> list[User]:
        """Who works there. Ask ``require_may_list`` first. Raises ``NotFound``."""
        async with self._storage.read() as uow:
            await get_clinic(uow, clinic_id)
            return await uow.users.staff_of(clinic_id)

    @staticmethod
    def require_may_list(clinic_id: ClinicId, *, actor: Actor) -> None:
        """Raises ``Forbidden``. Apart from the list, which is remembered for all who may see it."""
        require_desk_of(actor, clinic_id)
