"""Devices that look on: pairing by a code that they show (after RFC 8628), and ending it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from qure.application.access import require_desk_of
from qure.application.accounts.attempts import minute_limit, network_of, take_an_attempt
from qure.application.accounts.sessions import Device, end_sessions, kept_secret
from qure.application.lookup import get_clinic, get_user
from qure.application.ports.gateways import AccessJwts, Clock, Ids, Secrets, Throttle
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.secrets import secret_digest, short_secret
from qure.application.transact import transact
from qure.domain.actor import Actor
from qure.domain.display import (
    MAX_DISPLAYS,
    PAIRING_LIFE,
    USER_CODE_LENGTH,
    USER_CODE_LETTERS,
    Display,
    DisplayPairing,
)
from qure.domain.errors import Conflict, FieldError, Invalid, NotFound
from qure.domain.ids import ClinicId, DisplayId, ServiceId, SessionId, UserId
from qure.domain.session import REFRESH_LIFE
from qure.domain.user import User

PAIRINGS_PER_ADDRESS = 20
"""A minute."""

CODES_PER_STAFF = 30
"""A minute: so many codes one person may try, right or wrong."""


@dataclass(frozen=True, slots=True)
class Started:
    """What a device needs to ask to be let in."""

    device_code: str
    user_code: str


@dataclass(frozen=True, slots=True)
class DisplayGrant:
    """What a device holds when it has been let in."""

    display: Display
    access_jwt: str
    refresh_secret: str


class Displays:
    """Lets devices look on."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        secrets: Secrets,
        *,
        jwts: AccessJwts,
        throttle: Throttle,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._secrets = secrets
        self._jwts = jwts
        self._throttle = throttle

    # By the device

    async def start_pairing(self, *, address: str | None) -> Started:
        """Codes for ``PAIRING_LIFE``: one to keep, one to show. Raises ``TooManyTries``."""
        network = network_of(address)
        await take_an_attempt(
            self._throttle,
            [minute_limit(f"display:network:{network}", PAIRINGS_PER_ADDRESS)],
            refusal="Too many displays from your network. Please wait a moment.",
        )

        async def start(uow: UnitOfWork) -> Started:
            now = self._clock.now()
            device_code = short_secret(self._secrets.new_secret())
            user_code = _letters(self._secrets.new_secret())
            await uow.displays.delete_expired_pairings(before=now)
            await uow.displays.add_pairing(
                DisplayPairing(
                    digest=secret_digest(device_code),
                    user_code=user_code,
                    created_at=now,
                    expires_at=now + PAIRING_LIFE,
                )
            )
            await uow.commit()
            return Started(device_code, user_code)

        return await transact(self._storage, start)

    async def finish_pairing(self, device_code: str, *, device: Device) -> DisplayGrant:
        """What the device gets when staff have let it in: once.

        Raises ``Invalid`` with the code ``authorization_pending``, ``slow_down`` (asked again too
        soon) or ``expired_token`` (RFC 8628 §3.5).
        """

        async def finish(uow: UnitOfWork) -> DisplayGrant | Invalid:
            now = self._clock.now()
            pairing = await uow.displays.pairing(secret_digest(device_code), lock=True)
            if pairing is None or pairing.expires_at <= now:
                raise _refused("expired_token", "This code is not valid any more.")
            if pairing.display_id is None:
                too_fast = pairing.polls_too_fast(now)
                pairing.polled_at = now
                await uow.displays.save_pairing(pairing)
                await uow.commit()
                if too_fast:
                    return _refused("slow_down", "Please ask less often.")
                return _refused("authorization_pending", "Nobody has let this display in yet.")
            display = await uow.displays.get(pairing.display_id)
            if display is None or display.ended_at is not None:
                raise _refused("expired_token", "This code is not valid any more.")
            user = await get_user(uow, UserId(display.id))
            session = device.session(
                SessionId(self._ids.new_id()), user.id, at=now, until=now + REFRESH_LIFE
            )
            secret = self._secrets.new_secret()
            await uow.sessions.add(session, kept_secret(secret, session))
            await uow.displays.delete_pairing(pairing.digest)
            await uow.commit()
            return DisplayGrant(display, self._jwts.issue(user, session.id, at=now), secret)

        outcome = await transact(self._storage, finish)
        if isinstance(outcome, Invalid):
            raise outcome
        return outcome

    # By staff of the clinic, and admins

    async def let_in(
        self,
        clinic_id: ClinicId,
        *,
        user_code: str,
        name: str,
        service_ids: Collection[ServiceId] | None = None,
        actor: Actor,
    ) -> Display:
        """The device that shows this code may look on from now on.

        Raises ``Forbidden``, ``NotFound``, ``TooManyTries``, ``Conflict`` (``too_many_displays``),
        and ``Invalid`` for a code that no device shows and services that the clinic has not.
        """
        require_desk_of(actor, clinic_id)
        await take_an_attempt(
            self._throttle,
            [minute_limit(f"display:staff:{actor.id}", CODES_PER_STAFF)],
            refusal="Too many codes. Please wait a moment.",
        )

        async def let_in(uow: UnitOfWork) -> Display:
            clinic = await get_clinic(uow, clinic_id, lock=True)
            if len(await uow.displays.of_clinic(clinic_id)) >= MAX_DISPLAYS:
                raise Conflict(
                    "too_many_displays", f"A clinic has at most {MAX_DISPLAYS} displays."
                )
            now = self._clock.now()
            services = {one.id for one in await uow.services.of_clinic(clinic_id)}
            wrong = [
                FieldError(f"serviceIds.{position}", "This clinic has no such service.")
                for position, id in enumerate(service_ids or ())
                if id not in services
            ]
            pairing = await uow.displays.pairing_by_code(_plain(user_code), lock=True)
            is_asking = pairing is not None and pairing.display_id is None
            if pairing is None or not is_asking or pairing.expires_at <= now:
                wrong.insert(0, FieldError("userCode", "No display shows this code."))
                raise Invalid(wrong)
            if wrong:
                raise Invalid(wrong)
            user = User.without_login(
                id=UserId(self._ids.new_id()), name=name, at=now, display_of=clinic.id
            )
            display = Display(
                id=DisplayId(user.id),
                clinic_id=clinic.id,
                name=name,
                service_ids=None if service_ids is None else tuple(dict.fromkeys(service_ids)),
                created_at=now,
                created_by=actor.user_id,
            )
            await uow.users.add(user)
            await uow.displays.add(display)
            pairing.display_id = display.id
            await uow.displays.save_pairing(pairing)
            await uow.commit()
            return display

        return await transact(self._storage, let_in)

    async def list_all(self, clinic_id: ClinicId, *, actor: Actor) -> list[Display]:
        """The clinic's displays, the oldest first. Raises ``Forbidden``, ``NotFound``."""
        require_desk_of(actor, clinic_id)
        async with self._storage.read() as uow:
            await get_clinic(uow, clinic_id)
            return await uow.displays.of_clinic(clinic_id)

    async def end(self, display_id: DisplayId, *, actor: Actor) -> None:
        """It looks on no more. Raises ``Forbidden``, ``NotFound``."""

        async def end(uow: UnitOfWork) -> None:
            display = await uow.displays.get(display_id, lock=True)
            if display is None or display.ended_at is not None:
                raise NotFound("display_not_found", "There is no such display.")
            require_desk_of(actor, display.clinic_id)
            now = self._clock.now()
            user = await get_user(uow, UserId(display_id), lock=True)
            user.set_active(False, by=actor, at=now)
            await end_sessions(uow, user.id, by=actor, at=now)
            display.ended_at = now
            await uow.users.save(user)
            await uow.displays.save(display)
            await uow.commit()

        await transact(self._storage, end)


def _letters(hex_digits: str) -> str:
    """A user code of random letters, each as likely as any other."""
    number = int(hex_digits, 16)
    letters = []
    for _ in range(USER_CODE_LENGTH):
        number, letter = divmod(number, len(USER_CODE_LETTERS))
        letters.append(USER_CODE_LETTERS[letter])
    return "".join(letters)


def _plain(user_code: str) -> str:
    """As it was typed: in any case, with spaces or dashes between."""
    return "".join(letter for letter in user_code.upper() if letter.isalnum())


def _refused(code: str, message: str) -> Invalid:
    return Invalid([], code=code, message=message)
