"""What staff at the desks do: call, see, and call again, each with habits of their own."""

from __future__ import annotations

import time
from typing import Any

from demo.clients import ANSWER_SECONDS, Refused
from demo.lines import Line
from demo.pace import Pace
from demo.service import DemoError
from demo.story import Clinic, Day, Desk
from demo.visits import Call, Patient, Twist, call_of

SERVICE, GRACE, BREATH, LOOK_AGAIN, PAUSE = 1.4, 1.2, 0.1, 1.0, 3.0

Token = dict[str, Any]


class Worker:
    """Somebody at a desk, until nobody is left to be seen."""

    def __init__(self, day: Day, clinic: Clinic, desk: Desk, pace: Pace) -> None:
        self._day, self._clinic, self._desk, self._pace = day, clinic, desk, pace
        self._app = desk.app
        self._in_hand: Token | None = None
        self._turn = 0
        self._has_slipped = False
        self._has_fetched = False

    async def work(self) -> None:
        """From sitting down to going home."""
        await self._sit_down()
        while True:
            # As it is now: whoever comes during the question is not in its answer.
            is_over = self._clinic.is_over
            try:
                token = await self._call()
            except Refused as refusal:
                if refusal.code != "queue_empty":
                    raise DemoError(f"{self._app.name} could not call: {refusal}") from refusal
                await self._finish()
                self._desk.doing = "nobody waits"
                if is_over:
                    return await self._go_home()
                await self._clinic.bell.until(self._is_needed, self._pace.seconds(LOOK_AGAIN))
                continue
            if self._in_hand is not None and self._desk.slips_once and not self._has_slipped:
                await self._take_back(token)
            else:
                await self._receive(token)

    # The day

    async def _sit_down(self) -> None:
        desk = self._desk
        if desk.comes_after:
            desk.doing = "is late"
            await self._pace.pause(desk.comes_after)
        if desk.id:
            await self._open(desk.id, [line.service_id for line in desk.lines])
        if desk.comes_after:
            late = desk.lines[0]
            told = await self._clinic.host.ask("DELETE", f"/queues/{late.queue_id}/notice")
            assert late.delayed is not None
            late.delayed = late.delayed[0], told["version"]

    async def _open(self, desk_id: str, service_ids: list[str]) -> None:
        path, wish = f"/desks/{desk_id}/open", {"serviceIds": service_ids}
        try:
            await self._app.ask("POST", path, json=wish)
        except Refused as refusal:
            if refusal.code != "desk_taken" or self._clinic.visitor is None:
                raise
            # Whoever looks on has sat down here.
            await self._clinic.visitor.ask("POST", f"/desks/{desk_id}/close")
            await self._app.ask("POST", path, json=wish)

    async def _go_home(self) -> None:
        if self._desk.leaves_it_open:
            await self._app.disconnect()
            await self._app.log_out()
        elif self._desk.id:
            await self._app.ask("POST", f"/desks/{self._desk.id}/close")
        self._desk.doing, self._desk.has_gone_home = "has gone home", True

    async def _rest(self) -> None:
        """The first pause is ended by hand, the next one by the next call."""
        desk = self._desk
        told = await self._app.ask("POST", f"/desks/{desk.id}/pause")
        if told["state"] != "PAUSED":
            self._day.surprises.append(f"{desk.name} did not pause.")
        desk.doing = "has a pause"
        await self._pace.pause(PAUSE)
        if self._turn == desk.pauses_after[0]:
            await self._app.ask("POST", f"/desks/{desk.id}/resume")

    # A patient

    async def _call(self) -> Token:
        """Whoever is next; but whoever has stepped out and is to be fetched goes before."""
        desk, asked = self._desk, time.perf_counter()
        absent = self._to_be_fetched() if desk.fetches and not self._has_fetched else None
        if absent is not None:
            self._has_fetched = True
            return await self._move("call", absent, reason="The results are there.")
        if not desk.id:
            queue_id = desk.lines[0].queue_id
            token = await self._app.command("queue:call_next", queue_id)
        elif desk.uses_http:
            token = await self._app.ask("POST", f"/desks/{desk.id}/call-next")
        else:
            token = await self._app.command("desk:call_next", desk.id)
        return self._app.note(asked, "call-next", token)

    def _is_needed(self) -> bool:
        statuses = [line.status for line in self._desk.lines]
        somebody_waits = any(one["waitingCount"] > one["onHoldCount"] for one in statuses)
        return somebody_waits or self._clinic.is_over

    def _to_be_fetched(self) -> Token | None:
        boards = [self._app.boards[line.queue_id] for line in self._desk.lines]
        held = [one for board in boards for one in board.tokens.values() if one["onHold"]]
        awaited = {one.app.id for one in self._clinic.patients if one.twist is Twist.FETCHED}
        return next((one for one in held if one["patientId"] in awaited), None)

    async def _take_back(self, called: Token) -> None:
        """Called by mistake: whoever was completed by it is in hand again."""
        self._has_slipped = True
        self._desk.doing = f"has called {called['label']} by mistake"
        await self._pace.pause(BREATH)
        queue_id, asked = called["queueId"], time.perf_counter()
        if self._desk.uses_http:
            undone = await self._app.ask("POST", f"/queues/{queue_id}/undo")
        else:
            undone = await self._app.command("queue:undo", queue_id)
        self._app.note(asked, "undo", *undone["tokens"])

    async def _receive(self, token: Token) -> None:
        self._turn += 1
        self._in_hand = await self._see(token)
        # Every other patient is completed by the next call instead.
        if self._turn % 2:
            await self._finish()
        if self._turn in self._desk.pauses_after:
            await self._rest()
        await self._pace.pause(BREATH)

    async def _see(self, token: Token) -> Token | None:
        """See the called patient; the token if it is still in hand then."""
        label, patient = token["label"], await self._patient(token)
        patient.is_wanted.set()
        self._desk.doing = f"waits for {label}"
        if not await self._comes(patient, call_of(token)):
            token = await self._move("recall", token)
            self._desk.doing = f"calls {label} again"
            if not await self._comes(patient, call_of(token)):
                await self._move("skip", token)
                self._desk.doing = f"has skipped {label}"
                return None
        token = await self._start(token)
        self._desk.doing = f"sees {label}"
        await self._pace.pause(SERVICE)
        if patient.twist is Twist.FORGETFUL and not patient.had_twist:
            patient.had_twist = True
            await self._move("return", token, to="AFTER", after=2)
            return None
        elsewhere = self._where_to(patient, token)
        if elsewhere is not None:
            await self._move("transfer", token, serviceId=elsewhere.service_id)
            return None
        return token

    async def _comes(self, patient: Patient, call: Call) -> bool:
        # A phone that was away comes back only after the call, and may take as long as an answer.
        grace = self._pace.seconds(GRACE)
        if patient.comes_to(call):
            grace += 1.5 * ANSWER_SECONDS
        return await patient.bell.until(lambda: call in patient.came_for, grace)

    async def _start(self, token: Token) -> Token:
        if not self._desk.id:
            return await self._move("start", token)
        return await self._move("start", token, expectedVersion=token["version"])

    def _where_to(self, patient: Patient, token: Token) -> Line | None:
        last = self._clinic.lines[-1]
        is_there = token["queueId"] == last.queue_id
        return last if patient.twist is Twist.NEEDS_MORE and not is_there else None

    async def _finish(self) -> None:
        if self._in_hand is not None:
            await self._move("complete", self._in_hand)
            self._in_hand = None

    async def _move(self, move: str, token: Token, **options: Any) -> Token:
        """A move with a token: over HTTP, or as a socket event."""
        try:
            if self._desk.uses_http:
                return await self._app.move(move, token, **options)
            asked = time.perf_counter()
            said = [options] if options else []
            moved = await self._app.command(
                f"queue:{move}_token", token["queueId"], token["id"], *said
            )
            return self._app.note(asked, move, moved)
        except Refused as refusal:
            raise DemoError(f"{self._app.name}'s {move} was refused: {refusal}") from refusal

    async def _patient(self, token: Token) -> Patient:
        """Whose number it is; they may not have been answered yet."""
        found: list[Patient] = []

        def is_known() -> bool:
            found[:] = [one for one in self._clinic.patients if one.app.id == token["patientId"]]
            return bool(found)

        if not await self._clinic.bell.until(is_known, ANSWER_SECONDS):
            raise DemoError(f"{token['label']} belongs to nobody who came.")
        return found[0]
