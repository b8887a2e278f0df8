"""The first admin of an installation, made in the browser by whoever has the setup code.

The code is derived under the service's own key: every process has the same, and none keeps it. The
command that starts the service shows it to the operator as long as there is no admin.
"""

from __future__ import annotations

from hmac import compare_digest

from qure.application.accounts.attempts import setup_limits, take_an_attempt
from qure.application.ports.gateways import Clock, Ids, KeyedDigests, PasswordHasher, Throttle
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.transact import transact
from qure.domain.actor import Role
from qure.domain.errors import Conflict, Forbidden
from qure.domain.ids import UserId
from qure.domain.user import User

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""32 characters: neither 0 and O, nor 1 and I."""

GROUPS, GROUP_LENGTH = 3, 4
"""12 characters of 5 bits: nobody guesses 60 bits, ten tries in ten minutes."""


class FirstAdmin:
    """Makes the first admin: exactly one, however many ask at one moment."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        *,
        passwords: PasswordHasher,
        digests: KeyedDigests,
        throttle: Throttle,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._passwords = passwords
        self._digests = digests
        self._throttle = throttle
        self._is_made = False

    async def is_needed(self) -> bool:
        """Whether there never was an admin: a disabled one counts."""
        # Nobody stops being an admin, so this is asked of the database until it was true once.
        if not self._is_made:
            async with self._storage.read() as uow:
                self._is_made = await uow.users.has_admin()
        return not self._is_made

    async def code(self) -> str | None:
        """The setup code, in groups; None when it is good for nothing any more."""
        return self._derived() if await self.is_needed() else None

    async def make(
        self,
        *,
        code: str,
        first_name: str,
        last_name: str,
        email: str,
        password: str,
        address: str | None,
    ) -> User:
        """Raises ``TooManyTries`` (whatever comes of a try, it counts), ``Forbidden``
        (``wrong_setup_code``) and ``Conflict`` (``already_set_up``, ``email_taken``).
        """
        await take_an_attempt(
            self._throttle,
            setup_limits(address),
            refusal="Too many tries from your network. Please wait a moment.",
        )
        if not await self.is_needed():
            raise _already_set_up()
        if not compare_digest(_plain(code).encode(), _plain(self._derived()).encode()):
            raise Forbidden("wrong_setup_code", "This setup code is wrong.")
        user = User.register(
            id=UserId(self._ids.new_id()),
            first_name=first_name,
            last_name=last_name,
            email=email,
            password_hash=await self._passwords.hash(password),
            at=self._clock.now(),
            role=Role.ADMIN,
        )

        async def make(uow: UnitOfWork) -> User:
            # Somebody else may have been quicker while the password was hashed.
            if await uow.users.has_admin(lock=True):
                raise _already_set_up()
            await uow.users.add(user)
            await uow.commit()
            return user

        return await transact(self._storage, make)

    def _derived(self) -> str:
        number = int(self._digests.of("", purpose="first admin"), 16)
        groups = []
        for _ in range(GROUPS):
            letters = []
            for _ in range(GROUP_LENGTH):
                number, letter = divmod(number, len(ALPHABET))
                letters.append(ALPHABET[letter])
            groups.append("".join(letters))
        return "-".join(groups)


def _plain(code: str) -> str:
    """As it was typed: in any case, with spaces or hyphens between."""
    return "".join(letter for letter in code.upper() if letter.isalnum())


def _already_set_up() -> Conflict:
    return Conflict("already_set_up", "There is an admin already.")
