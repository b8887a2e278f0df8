"""The links that let guests in: making another, and opening them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from qure.application.access import require_desk, require_desk_of
from qure.application.accounts.attempts import minute_limit, network_of, take_an_attempt
from qure.application.accounts.sessions import Device, end_sessions
from qure.application.lookup import get_queue, get_token, get_user
from qure.application.ports.gateways import AccessJwts, Clock, Ids, KeyedDigests, Throttle
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.queueing.once import PLAIN, Once, Question, answered, keep
from qure.application.secrets import secret_digest, short_secret
from qure.application.transact import transact
from qure.domain.actor import Actor
from qure.domain.errors import Conflict, Unauthenticated
from qure.domain.guest import LINK_OUTLIVES_DAY, GuestLink
from qure.domain.ids import SessionId, TokenId, UserId
from qure.domain.queue import Queue
from qure.domain.session import Session
from qure.domain.token import Token
from qure.domain.user import User

EXCHANGES_PER_ADDRESS = 120
"""A minute, of links that are opened: a clinic's whole waiting room may share one address."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A guest's token, and the secret of the link to it, which is kept nowhere."""

    token: Token
    secret: str


@dataclass(frozen=True, slots=True)
class GuestGrant:
    """What a guest's browser holds after opening the link."""

    user: User
    access_jwt: str
    expires_at: datetime


class GuestSecrets:
    """The secrets of links: derived, so that the same answer can be given twice."""

    def __init__(self, digests: KeyedDigests) -> None:
        self._digests = digests

    def link(self, user_id: UserId, generation: int, queue: Queue, now: datetime) -> GuestLink:
        """What is kept of the guest's link of that generation, which outlives the queue's day."""
        return GuestLink(
            user_id=user_id,
            digest=secret_digest(self.of(user_id, generation)),
            generation=generation,
            created_at=now,
            expires_at=queue.day_ends_at + LINK_OUTLIVES_DAY,
        )

    def of(self, user_id: UserId, generation: int) -> str:
        """128 bits that nobody works out without the service's own key, and that are not kept."""
        return short_secret(self._digests.of(f"{user_id}:{generation}", purpose="guest link"))


class GuestLinks:
    """Lets guests in by their links."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        *,
        secrets: GuestSecrets,
        jwts: AccessJwts,
        throttle: Throttle,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._secrets = secrets
        self._jwts = jwts
        self._throttle = throttle

    async def renew(self, token_id: TokenId, *, actor: Actor, once: Once = PLAIN) -> Admitted:
        """Another secret for a guest's token; the old one and what it had opened end.

        For staff of the clinic and admins. Raises ``NotFound``, ``Forbidden``, ``Conflict``
        (``not_a_guest``).
        """
        require_desk(actor)
        question = Question.of(once, actor.id, "guest link", token_id)

        async def renew(uow: UnitOfWork) -> Admitted:
            token = await get_token(uow, token_id)
            queue = await get_queue(uow, token.queue_id, lock=True)
            require_desk_of(actor, queue.clinic_id)
            now = self._clock.now()
            kept = await answered(uow, question, now=now)
            if kept is not None and kept.generation is not None:
                (token,) = kept.tokens
                return Admitted(token, self._secrets.of(token.patient_id, kept.generation))
            once.check(token.version)
            user = await get_user(uow, token.patient_id, lock=True)
            if not user.guest:
                raise Conflict("not_a_guest", "This patient has an account of their own.")
            await end_sessions(uow, user.id, by=actor, at=now)
            link = await uow.guest_links.of_user(user.id)
            generation = 1 if link is None else link.generation + 1
            made = self._secrets.link(user.id, generation, queue, now)
            if link is None:
                await uow.guest_links.add(made)
            else:
                await uow.guest_links.save(made)
            await keep(uow, question, token, now=now, generation=generation)
            await uow.commit()
            return Admitted(token, self._secrets.of(user.id, generation))

        return await transact(self._storage, renew)

    async def open(self, secret: str, *, device: Device) -> GuestGrant:
        """Exchange a link's secret for an access JWT; as often as wished, as long as it lives.

        Raises ``TooManyTries``, and ``Unauthenticated`` (``invalid_guest_secret``) alike for
        unknown, dead and expired ones.
        """
        network = network_of(device.ip_address)
        await take_an_attempt(
            self._throttle,
            [minute_limit(f"guest:network:{network}", EXCHANGES_PER_ADDRESS)],
            refusal="Too many tries from your network. Please wait a moment.",
        )

        async def open_link(uow: UnitOfWork) -> tuple[User, Session]:
            seen = await uow.guest_links.by_digest(secret_digest(secret))
            if seen is None:
                raise _invalid_secret()
            user = await get_user(uow, seen.user_id, lock=True)
            link = await uow.guest_links.of_user(seen.user_id)
            now = self._clock.now()
            is_current = link is not None and link.digest == seen.digest and link.is_live(now)
            if link is None or not is_current or not user.is_active:
                raise _invalid_secret()
            known = None if link.session_id is None else await uow.sessions.get(link.session_id)
            if known is not None and known.is_live(now):
                return user, known
            session = device.session(
                SessionId(self._ids.new_id()), user.id, at=now, until=link.expires_at
            )
            await uow.sessions.add(session, None)
            link.session_id = session.id
            await uow.guest_links.save(link)
            await uow.commit()
            return user, session

        user, session = await transact(self._storage, open_link)
        jwt = self._jwts.issue(user, session.id, at=self._clock.now())
        expires_at = self._jwts.verify(jwt, at=self._clock.now()).expires_at
        return GuestGrant(user, jwt, min(expires_at, session.expires_at))


def _invalid_secret() -> Unauthenticated:
    return Unauthenticated(
        "invalid_guest_secret", "This link is not valid any more. Please ask at the desk."
    )
