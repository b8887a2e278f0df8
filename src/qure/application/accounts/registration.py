"""New accounts: patients who register, and admins that an operator makes."""

from __future__ import annotations

from qure.application.accounts.attempts import registration_limits, take_an_attempt
from qure.application.ports.gateways import Clock, Ids, PasswordHasher, Throttle
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.transact import transact
from qure.domain.actor import SYSTEM, Role
from qure.domain.errors import Invalid
from qure.domain.ids import UserId
from qure.domain.user import User, normalise_email


class Registration:
    """Makes accounts; ``per_ten_minutes`` from one network."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        *,
        passwords: PasswordHasher,
        throttle: Throttle,
        per_ten_minutes: int,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._passwords = passwords
        self._throttle = throttle
        self._per_ten_minutes = per_ten_minutes

    async def admit(self, address: str | None) -> None:
        """Count a stranger's registration from that address, before any work is done for it.

        Whatever comes of it, it counts. Raises ``TooManyTries``.
        """
        await take_an_attempt(
            self._throttle,
            registration_limits(address, in_ten_minutes=self._per_ten_minutes),
            refusal="Too many registrations from your network. Please wait a moment.",
        )

    async def register(self, *, first_name: str, last_name: str, email: str, password: str) -> User:
        """A new patient. Raises ``Conflict`` (``email_taken``)."""
        return await self._add(
            email, first_name=first_name, last_name=last_name, password=password, role=Role.PATIENT
        )

    async def create_admin(
        self, *, email: str, first_name: str, last_name: str, password: str | None
    ) -> tuple[User, bool]:
        """Promote the user with that address, or make one; whether one was made.

        An operator's command, which asks for no right. A user who exists keeps name and password.
        Raises ``Invalid`` (path ``password``) when one has to be made and none is given, and
        ``Conflict`` (``email_taken``) when somebody registers the address at this very moment.
        """
        email = normalise_email(email)

        async def promote(uow: UnitOfWork) -> User | None:
            user = await uow.users.by_email(email, lock=True)
            if user is not None:
                user.promote_to_admin(by=SYSTEM, at=self._clock.now())
                await uow.users.save(user)
                await uow.commit()
            return user

        promoted = await transact(self._storage, promote)
        if promoted is not None:
            return promoted, False
        if password is None:
            raise Invalid.field("password", "A new admin needs a password.")
        made = await self._add(
            email, first_name=first_name, last_name=last_name, password=password, role=Role.ADMIN
        )
        return made, True

    async def _add(
        self, email: str, *, first_name: str, last_name: str, password: str, role: Role
    ) -> User:
        user = User.register(
            id=UserId(self._ids.new_id()),
            first_name=first_name,
            last_name=last_name,
            email=email,
            password_hash=await self._passwords.hash(password),
            at=self._clock.now(),
            role=role,
        )

        async def add(uow: UnitOfWork) -> User:
            await uow.users.add(user)
            await uow.commit()
            return user

        return await transact(self._storage, add)
