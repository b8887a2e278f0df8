"""Where things are kept: the collections, and the transaction they are reached through.

Every adapter keeps the same promises, held by one contract suite:

* a unit of work sees one consistent state and changes nothing unless ``commit`` returned;
* ``lock=True`` makes every other writer of that thing wait until this unit of work has ended;
  locks are taken in the order clinic, service, queues by id, desk, user, session, tokens, so that
  nobody waits in a circle;
* a broken uniqueness rule is raised as the ``Conflict`` that the domain knows, by ``add``;
* a backend that is away, or too busy to answer in time, is ``Unavailable``;
* after any error from a collection the unit of work can only be left.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from qure.application.ports.journal import Journal
from qure.application.ports.lines import KeptAnswers, Queues, Tokens
from qure.application.ports.places import Desks, Services
from qure.application.ports.visitors import Displays, GuestLinks
from qure.application.ports.waiting import Calibrations, Promises
from qure.domain.actor import Role
from qure.domain.clinic import Clinic, ClinicType
from qure.domain.errors import Unavailable
from qure.domain.ids import (
    ClinicId,
    ImageId,
    SessionId,
    UserId,
)
from qure.domain.image import StagedImage
from qure.domain.session import RefreshSecret, Session
from qure.domain.user import User


class TransactionConflict(Unavailable):
    """Another transaction won a race that locks did not settle (a deadlock, for instance).

    Nothing was changed, and the same work would probably succeed now: see
    ``application.transact``.
    """

    def __init__(self) -> None:
        super().__init__("Somebody changed the same thing at this moment. Please try again.")


@dataclass(frozen=True, slots=True)
class Page:
    """The ``number``-th page (from 1) of ``size`` items."""

    number: int = 1
    size: int = 10

    @property
    def offset(self) -> int:
        """How many items come before it."""
        return (self.number - 1) * self.size


@dataclass(frozen=True, slots=True)
class Nearby:
    """Within ``radius_km`` of a position, by great circle."""

    latitude: float
    longitude: float
    radius_km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicFilter:
    """Which active clinics to list. ``query`` is a plain substring of the name, in any case."""

    query: str | None = None
    type: ClinicType | None = None
    nearby: Nearby | None = None


@dataclass(frozen=True, slots=True)
class FoundClinic:
    """A clinic, and how far it is from where was asked (None when nobody asked)."""

    clinic: Clinic
    distance_km: float | None


class Users(Protocol):
    """Everyone with a login."""

    async def add(self, user: User) -> None:
        """Raises ``Conflict`` (``email_taken``)."""

    async def get(self, id: UserId, *, lock: bool = False) -> User | None: ...

    async def by_email(self, email: str, *, lock: bool = False) -> User | None:
        """By the normalised address."""

    async def lock(self, ids: Collection[UserId]) -> Mapping[UserId, str]:
        """As ``lock=True`` does, all of them at once and in one order, so that two who lock
        many never wait in a circle; their full names. Ids of nobody are passed over.
        """

    async def names_of(self, ids: Collection[UserId]) -> Mapping[UserId, str]:
        """Full names. Ids of nobody are passed over."""

    async def has_admin(self, *, lock: bool = False) -> bool:
        """Whether there is an admin, a disabled one too. With ``lock`` nobody else adds or changes
        a user until this unit of work has ended."""

    async def save(self, user: User) -> None: ...

    async def staff_of(self, clinic_id: ClinicId) -> list[User]:
        """Oldest staff first (by ``created_at``, then id); displays are none."""

    async def search(
        self, *, query: str | None, role: Role | None, page: Page
    ) -> tuple[list[User], int]:
        """Newest first, and how many there are in all; neither guests nor displays.

        ``query`` is a plain substring, in any case, of the e-mail or of "first last".
        """


class Clinics(Protocol):
    """All clinics, retired ones too, each with its default service."""

    async def add(self, clinic: Clinic) -> None:
        """Raises ``Conflict`` (``clinic_exists``): same name, in any case, at the same position."""

    async def get(self, id: ClinicId, *, lock: bool = False) -> Clinic | None: ...

    async def save(self, clinic: Clinic) -> None:
        """Writes every field and the images. Raises ``Conflict`` (``clinic_exists``)."""

    async def search(self, wanted: ClinicFilter, *, page: Page) -> tuple[list[FoundClinic], int]:
        """Active ones only, and how many in all; nearest first, else newest first."""

    async def after(self, id: ClinicId, *, limit: int) -> list[Clinic]:
        """Those whose ids come after that one, by id: for reading all of them in pieces."""

    async def by_join_digest(self, digest: str) -> Clinic | None:
        """Whose join code that is the digest of."""


class Sessions(Protocol):
    """Logins, and the digests of their refresh secrets."""

    async def add(self, session: Session, secret: RefreshSecret | None) -> None:
        """Without a secret it ends when it expires."""

    async def get(self, id: SessionId, *, lock: bool = False) -> Session | None: ...

    async def with_users(
        self, ids: Collection[SessionId]
    ) -> Mapping[SessionId, tuple[Session, User]]:
        """Those of the sessions that exist, each with its user."""

    async def save(self, session: Session) -> None: ...

    async def live_of(self, user_id: UserId, *, now: datetime) -> list[Session]:
        """Newest first."""

    async def secret(self, digest: str) -> RefreshSecret | None:
        """A spent one too, until it has expired."""

    async def add_secret(self, secret: RefreshSecret) -> None: ...

    async def spend_secret(self, digest: str, *, at: datetime) -> bool:
        """Mark it spent; False if it had been spent before. Exactly one caller gets True."""

    async def delete_expired(self, *, before: datetime) -> int:
        """Forget sessions and secrets that expired before then; how many sessions went."""


class StagedImages(Protocol):
    """Uploads that wait for their job."""

    async def add(self, images: Sequence[StagedImage]) -> None: ...

    async def get(self, id: ImageId) -> StagedImage | None: ...

    async def record_attempt(self, id: ImageId, *, failed_at: datetime | None) -> int:
        """Count one failed attempt (final when ``failed_at`` is given); how many there were."""

    async def delete(self, image: StagedImage) -> None: ...

    async def waiting(self, *, before: datetime, limit: int) -> list[ImageId]:
        """Not failed for good, staged before then, oldest first."""

    async def failed_count(self) -> int: ...

    async def delete_failed(self, *, before: datetime) -> int:
        """Forget those that failed for good before then; how many went."""


class UnitOfWork(Protocol):
    """One transaction: the collections as it sees them."""

    @property
    def users(self) -> Users: ...
    @property
    def clinics(self) -> Clinics: ...
    @property
    def services(self) -> Services: ...
    @property
    def desks(self) -> Desks: ...
    @property
    def queues(self) -> Queues: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def kept_answers(self) -> KeptAnswers: ...
    @property
    def promises(self) -> Promises: ...
    @property
    def calibrations(self) -> Calibrations: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def guest_links(self) -> GuestLinks: ...
    @property
    def displays(self) -> Displays: ...
    @property
    def staged_images(self) -> StagedImages: ...
    @property
    def journal(self) -> Journal: ...

    async def commit(self) -> None:
        """Make it so, once and for all, and hand on what happened to be announced.

        What happened is what the things that were added or saved have recorded in their
        ``events``: it is written to the journal as one entry, in the order of saving.

        When it has returned, the change is durable. When it raises, nothing was changed (or,
        if the backend vanished in the middle, it is ``Unavailable`` and may or may not be).
        """


class Storage(Protocol):
    """The way in."""

    def write(self, purpose: str = "write") -> AbstractAsyncContextManager[UnitOfWork]:
        """A transaction that may change things. Left without ``commit`` it rolls back.

        ``purpose`` names it where somebody watches.
        """

    def read(self, purpose: str = "read") -> AbstractAsyncContextManager[UnitOfWork]:
        """A transaction that only looks: it waits for no writer, and takes no locks."""

    async def ping(self) -> None:
        """Raises ``Unavailable`` when the database does not answer."""
