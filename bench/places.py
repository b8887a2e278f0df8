"""Places: what it costs to tell a thousand phones their place, against telling them the status."""

from __future__ import annotations

import asyncio
from statistics import median

from bench.report import Figure
from bench.sockets import PAUSE_SECONDS, clients
from bench.world import (
    Login,
    Program,
    World,
    fill_queue_with,
    make_logins,
    make_queue,
    world,
)
from qure.bootstrap import build
from qure.container import ProcessRole
from qure.domain.actor import Actor, Role
from qure.domain.ids import ClinicId, QueueId

PHONES = 1000


def run(*, quick: bool) -> list[Figure]:
    """The same calls, heard by phones that wait there and by phones that only look on."""
    with world("postgres") as made:
        return asyncio.run(_places(made, quick=quick))


async def _places(made: World, *, quick: bool) -> list[Figure]:
    service = made.start_service()
    clinic_id, queue_id = await make_queue(made.settings)
    waiting = await make_logins(made.settings, PHONES, Role.PATIENT, None)
    looking = await make_logins(made.settings, PHONES, Role.PATIENT, None)
    await fill_queue_with(made.settings, queue_id, waiting)
    (staff,) = await make_logins(made.settings, 1, Role.STAFF, clinic_id)
    figures = []
    for protocol in ("socketio",) if quick else ("socketio", "plain"):
        costs: dict[str, list[float]] = {"status": [], "both": []}
        for _ in range(1 if quick else 3):
            for name, logins in (("status", looking), ("both", waiting)):
                costs[name].append(
                    await _cost(
                        made,
                        service,
                        protocol,
                        logins,
                        (clinic_id, queue_id),
                        staff,
                        rounds=10 if quick else 20,
                    )
                )
        status, both = median(costs["status"]), median(costs["both"])
        figures.append(
            Figure(
                path=f"a call, {PHONES} wait with their phones on, {protocol}: CPU",
                value=both / status,
                target=3.0,
                at_least=False,
                measured=f"{both * 1000:.1f} ms, status and place",
                compared_with=f"the status alone: {status * 1000:.1f} ms",
            )
        )
    return figures


async def _cost(
    made: World,
    service: Program,
    protocol: str,
    logins: list[Login],
    of: tuple[ClinicId, QueueId],
    staff: Login,
    *,
    rounds: int,
) -> float:
    """Seconds of the service's CPU for one call that another process makes."""
    clinic_id, queue_id = of
    actor = Actor(id=staff.user_id, role=Role.STAFF, clinic_id=clinic_id)
    caller = build(made.settings, role=ProcessRole.WORKER)
    async with caller.running(), clients(protocol, service, PHONES, queue_id, logins) as phones:
        cpu = 0.0
        for turn in range(-3, rounds):
            if turn == 0:  # it is warm
                cpu = service.cpu_seconds()
            await caller.use_cases.calling.call_next(queue_id, actor=actor)
            version = (await caller.use_cases.queues.of_today(clinic_id, actor=actor)).version
            await phones.reached(version)
            await asyncio.sleep(PAUSE_SECONDS * 2)
        return (service.cpu_seconds() - cpu) / rounds
