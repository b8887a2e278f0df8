"""Every use case of the service, on its ports."""

from __future__ import annotations

from dataclasses import dataclass

from qure.application.accounts.displays import Displays
from qure.application.accounts.first_admin import FirstAdmin
from qure.application.accounts.guest_links import GuestLinks, GuestSecrets
from qure.application.accounts.guests import Guests
from qure.application.accounts.logins import Logins
from qure.application.accounts.profiles import Profiles
from qure.application.accounts.registration import Registration
from qure.application.accounts.users import Users
from qure.application.announcing.live_boards import LiveBoards
from qure.application.announcing.trust import Generation
from qure.application.clinics.clinics import Clinics
from qure.application.clinics.desks import Desks
from qure.application.clinics.join_codes import JoinCodes
from qure.application.clinics.services import Services
from qure.application.clinics.staff import Staff
from qure.application.ports.gateways import (
    AccessJwts,
    Clock,
    Ids,
    KeyedDigests,
    PasswordHasher,
    Secrets,
    Throttle,
)
from qure.application.ports.storage import Storage
from qure.application.queueing.board import Boards
from qure.application.queueing.calling import Calling
from qure.application.queueing.closing import Closing
from qure.application.queueing.issuing import Issuing
from qure.application.queueing.moves import Moves
from qure.application.queueing.queues import Queues
from qure.application.queueing.tokens import Tokens
from qure.application.queueing.transferring import Transferring
from qure.application.queueing.undoing import Undoing
from qure.application.waiting.forecasts import Forecasts
from qure.application.waiting.promises import Promises
from qure.application.waiting.waits import Waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What an operator may set of the rules."""

    registrations_per_ten_minutes: int
    default_timezone: str
    max_active_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    """What people can do. Every way in (HTTP, sockets, the command) comes through here."""

    registration: Registration
    first_admin: FirstAdmin
    logins: Logins
    profiles: Profiles
    users: Users
    clinics: Clinics
    guests: Guests
    guest_links: GuestLinks
    displays: Displays
    staff: Staff
    services: Services
    desks: Desks
    queues: Queues
    issuing: Issuing
    tokens: Tokens
    calling: Calling
    moves: Moves
    transferring: Transferring
    undoing: Undoing
    closing: Closing
    boards: Boards
    waits: Waits
    promises: Promises

    @classmethod
    def on(  # noqa: PLR0913 - each port is one
        cls,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        secrets: Secrets,
        *,
        passwords: PasswordHasher,
        registration_passwords: PasswordHasher,
        jwts: AccessJwts,
        digests: KeyedDigests,
        throttle: Throttle,
        live_boards: LiveBoards,
        forecasts: Forecasts,
        generation: Generation,
        rules: Rules,
    ) -> UseCases:
        """All of them on these ports."""
        guest_secrets = GuestSecrets(digests)
        waits = Waits(storage, clock, forecasts, generation=generation)
        return cls(
            registration=Registration(
                storage,
                clock,
                ids,
                passwords=registration_passwords,
                throttle=throttle,
                per_ten_minutes=rules.registrations_per_ten_minutes,
            ),
            first_admin=FirstAdmin(
                storage,
                clock,
                ids,
                passwords=registration_passwords,
                digests=digests,
                throttle=throttle,
            ),
            logins=Logins(
                storage,
                clock,
                ids,
                secrets,
                passwords=passwords,
                jwts=jwts,
                throttle=throttle,
                digests=digests,
            ),
            profiles=Profiles(storage, clock, ids, passwords=passwords, throttle=throttle),
            users=Users(storage, clock),
            guests=Guests(
                storage,
                clock,
                ids,
                secrets=guest_secrets,
                throttle=throttle,
                is_too_late=waits.is_too_late,
            ),
            guest_links=GuestLinks(
                storage, clock, ids, secrets=guest_secrets, jwts=jwts, throttle=throttle
            ),
            displays=Displays(storage, clock, ids, secrets, jwts=jwts, throttle=throttle),
            clinics=Clinics(
                storage,
                clock,
                ids,
                join_codes=JoinCodes(digests),
                default_timezone=rules.default_timezone,
            ),
            staff=Staff(storage, clock),
            services=Services(storage, clock, ids),
            desks=Desks(storage, clock, ids),
            queues=Queues(storage, clock, ids),
            issuing=Issuing(
                storage,
                clock,
                ids,
                max_active=rules.max_active_tokens,
                is_too_late=waits.is_too_late,
            ),
            tokens=Tokens(storage, clock),
            calling=Calling(storage, clock),
            moves=Moves(storage, clock),
            transferring=Transferring(storage, clock, ids),
            undoing=Undoing(storage, clock),
            closing=Closing(storage, clock),
            boards=Boards(storage, live_boards, forecasts),
            waits=waits,
            promises=Promises(storage, clock),
        )
