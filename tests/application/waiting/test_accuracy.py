"""How often what was told held: the figures are those of a recount."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from qure.application.ports.waiting import Accuracy
from qure.domain.ids import ServiceId
from qure.domain.waiting.promise import Promise
from tests.application.world import World
from tests.support.builders import NOW, build_clinic, build_promise, build_service, build_token

MINUTE = timedelta(minutes=1)
SERVICES = 3


@dataclass(frozen=True)
class Said:
    """Which service's patient was promised what, in minutes, and when it came: None for never."""

    service: int
    likely: int
    below: int
    above: int
    made: int
    called: int | None


def recount(promises: list[Promise], service_id: ServiceId | None, since: datetime) -> Accuracy:
    """In plain words."""
    errors, high, low = [], 0, 0
    for one in promises:
        if service_id is not None and one.service_id != service_id:
            continue
        if one.called_at is None or one.called_at < since:
            continue
        errors.append(abs((one.called_at - one.likely).total_seconds()))
        high += int(one.called_at <= one.high)
        low += int(one.called_at < one.low)
    errors.sort()
    middle = len(errors) // 2
    if not errors:
        return Accuracy(service_id, 0, 0, 0, None)
    median = errors[middle] if len(errors) % 2 else (errors[middle - 1] + errors[middle]) / 2
    return Accuracy(service_id, len(errors), high, low, median)


said = st.builds(
    Said,
    service=st.integers(0, SERVICES - 1),
    likely=st.integers(0, 40),
    below=st.integers(0, 10),
    above=st.integers(0, 10),
    made=st.integers(0, 6 * 24 * 60),
    called=st.none() | st.integers(0, 60),
)


@settings(max_examples=30, deadline=None)
@given(told=st.lists(said, max_size=25), days=st.integers(1, 7))
def test_the_figures_equal_a_recount(told: list[Said], days: int) -> None:
    async def run() -> None:
        world = World()
        clinic, elsewhere = build_clinic(), build_clinic()
        others = [build_service(clinic.id) for _ in range(SERVICES - 1)]
        await world.keep(clinic, elsewhere)
        promises = []
        for one in told:
            service = [clinic.service, *others][one.service]
            made = NOW - one.made * MINUTE
            likely = made + one.likely * MINUTE
            # What is kept of a promise names its token; no more of it is looked at here.
            promise = build_promise(
                build_token(service_id=service.id),
                clinic_id=clinic.id,
                as_of=made,
                likely=likely,
                low=likely - one.below * MINUTE,
                high=likely + one.above * MINUTE,
                called_at=None if one.called is None else made + one.called * MINUTE,
                is_open=False,
            )
            promises.append(promise)
        foreign = [replace(one, clinic_id=elsewhere.id) for one in promises[:3]]
        foreign = [replace(one, token_id=build_token().id) for one in foreign]
        async with world.storage.write() as uow:
            await uow.promises.add([*promises, *foreign])
            await uow.commit()
        found = await world.use.waits.accuracy(clinic.id, days=days, actor=await world.patient())
        since = NOW - timedelta(days=days)
        services = sorted({one.service_id for one in promises})
        expected = [recount(promises, id, since) for id in services]
        assert list(found) == [
            recount(promises, None, since),
            *[one for one in expected if one.samples],
        ]

    asyncio.run(run())
