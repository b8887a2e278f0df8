"""Every use case of the service, on its ports."""

from __future__ import annotations

from dataclasses import dataclass

from qure.application.accounts.logins import Logins
from qure.application.accounts.profiles import Profiles
from qure.application.accounts.registration import Registration
from qure.application.accounts.users import Users
from qure.application.clinics.clinics import Clinics
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
from qure.application.queueing.desk import Desk
from qure.application.queueing.issuing import Issuing
from qure.application.queueing.queues import Queues
from qure.application.queueing.tokens import Tokens


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
    logins: Logins
    profiles: Profiles
    users: Users
    clinics: Clinics
    staff: Staff
    queues: Queues
    issuing: Issuing
    tokens: Tokens
    desk: Desk

    @classmethod
    def on(
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
        rules: Rules,
    ) -> UseCases:
        """All of them on these ports."""
        return cls(
            registration=Registration(
                storage,
                clock,
                ids,
                passwords=registration_passwords,
                throttle=throttle,
                per_ten_minutes=rules.registrations_per_ten_minutes,
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
            clinics=Clinics(storage, clock, ids, default_timezone=rules.default_timezone),
            staff=Staff(storage, clock),
            queues=Queues(storage, clock, ids),
            issuing=Issuing(storage, clock, ids, max_active=rules.max_active_tokens),
            tokens=Tokens(storage, clock),
            desk=Desk(storage, clock),
        )
