"""What the outside sees of guests, of a clinic's door, and of displays."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import segno
from msgspec import structs

from qure.application.accounts.displays import Started
from qure.application.accounts.guest_links import Admitted, GuestGrant
from qure.application.accounts.guests import Door
from qure.application.waiting.told import QueueWaits
from qure.domain.display import PAIRING_LIFE, POLL_INTERVAL, Display
from qure.domain.ids import QueueId
from qure.domain.queue import Queue
from qure.wire.body import Body, instant
from qure.wire.queues import StatusBody
from qure.wire.responses import ClinicBody, OpeningHoursBody, UserBody
from qure.wire.tokens import StaffTokenBody, TokenBody
from qure.wire.waits import QueueWaitBody

LINK_PATH = "/t#"
"""The secret is in the fragment, which browsers tell nobody: no log and no referrer has it."""

DOOR_PATH = "/join/"
PAIRING_PATH = "/desk#pair"


class GuestBody(Body):
    """A guest's link: told once. ``qr`` is an SVG as a data URI."""

    secret: str
    url: str
    qr: str

    @classmethod
    def of(cls, secret: str, *, base: str) -> GuestBody:
        """``base`` is where the service is reached."""
        url = f"{base}{LINK_PATH}{secret}"
        return cls(secret, url, qr_code(url))


def qr_code(text: str) -> str:
    """An SVG as a data URI (RFC 2397), without style attributes."""
    return segno.make(text, error="m", micro=False).svg_data_uri(scale=4, omitsize=True)


class WalkInBody(Body):
    """A walk-in's token, and the link for its patient."""

    token: StaffTokenBody
    guest: GuestBody

    @classmethod
    def of(cls, admitted: Admitted, *, base: str) -> WalkInBody:
        return cls(StaffTokenBody.of(admitted.token), GuestBody.of(admitted.secret, base=base))


class JoinedBody(Body):
    """The token of somebody who came through the door, and their link."""

    token: TokenBody
    guest: GuestBody

    @classmethod
    def of(cls, admitted: Admitted, *, base: str) -> JoinedBody:
        return cls(TokenBody.of(admitted.token), GuestBody.of(admitted.secret, base=base))


class GuestSessionBody(Body):
    """What a guest's link opens; ``expiresAt`` is that of the access token."""

    user: UserBody
    access_token: str
    expires_at: str

    @classmethod
    def of(cls, grant: GuestGrant) -> GuestSessionBody:
        return cls(UserBody.of(grant.user), grant.access_jwt, instant(grant.expires_at))


class DoorServiceBody(Body):
    """A service that has a queue today."""

    id: UUID
    name: str
    prefix: str
    status: StatusBody
    wait: QueueWaitBody

    @classmethod
    def of(cls, queue: Queue, waits: QueueWaits | None) -> DoorServiceBody:
        return cls(
            queue.service_id,
            queue.service_name,
            queue.prefix,
            StatusBody.of(queue.status()),
            QueueWaitBody.of(waits),
        )


class DoorBody(Body):
    """A clinic, as it is shown at its door."""

    clinic_id: UUID
    name: str
    address: str | None
    logo: str | None
    opening_hours: OpeningHoursBody
    timezone: str
    languages: tuple[str, ...]
    services: list[DoorServiceBody]

    @classmethod
    def of(cls, door: Door, waits: Mapping[QueueId, QueueWaits]) -> DoorBody:
        clinic = door.clinic
        services = [DoorServiceBody.of(queue, waits.get(queue.id)) for queue in door.queues]
        return cls(
            clinic.id,
            clinic.name,
            clinic.address,
            clinic.logo,
            OpeningHoursBody.of(clinic.opening_hours),
            clinic.timezone,
            clinic.languages,
            services,
        )


class JoinCodeBody(Body):
    """What a poster carries: ``url`` leads to the clinic's door, ``qr`` is an SVG as a data URI."""

    join_code: str
    url: str
    qr: str

    @classmethod
    def of(cls, join_code: str, *, base: str) -> JoinCodeBody:
        """``base`` is where the service is reached."""
        url = f"{base}{DOOR_PATH}{join_code}"
        return cls(join_code, url, qr_code(url))


class RenewedJoinCodeBody(ClinicBody, kw_only=True):
    """The clinic, and what its new posters carry."""

    url: str
    qr: str

    @classmethod
    def shown_with(cls, clinic: ClinicBody, *, base: str) -> RenewedJoinCodeBody:
        """``clinic`` has its join code."""
        poster = JoinCodeBody.of(str(clinic.join_code), base=base)
        return cls(**structs.asdict(clinic), url=poster.url, qr=poster.qr)


class PairingBody(Body):
    """What a display keeps (``deviceCode``) and shows (the rest); seconds (RFC 8628).

    Staff type the user code at ``verificationUri``; ``verificationUriComplete`` has it in its
    fragment already, and ``qr`` is that as an SVG in a data URI.
    """

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    qr: str
    expires_in: int
    interval: int

    @classmethod
    def of(cls, started: Started, *, base: str) -> PairingBody:
        """``base`` is where the service is reached."""
        uri = f"{base}{PAIRING_PATH}"
        complete = f"{uri}={started.user_code}"
        return cls(
            device_code=started.device_code,
            user_code=started.user_code,
            verification_uri=uri,
            verification_uri_complete=complete,
            qr=qr_code(complete),
            expires_in=int(PAIRING_LIFE.total_seconds()),
            interval=int(POLL_INTERVAL.total_seconds()),
        )


class DisplayBody(Body):
    """A device that looks on; ``serviceIds`` null means all services."""

    id: UUID
    clinic_id: UUID
    name: str
    service_ids: tuple[UUID, ...] | None
    created_at: str

    @classmethod
    def of(cls, display: Display) -> DisplayBody:
        return cls(
            display.id,
            display.clinic_id,
            display.name,
            display.service_ids,
            instant(display.created_at),
        )


class DisplayGrantBody(Body):
    """What a display holds when it has been let in; a page has its refresh token in a cookie."""

    access_token: str
    refresh_token: str | None
    display: DisplayBody
