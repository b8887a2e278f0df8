"""What must be so, worked out from what people were answered and heard, and from nothing else.

The oracle lives the day once more on its own model. What it is told says *what* was done and, by
the versions on staff's screens, in which order; what came of it the model says, and everything
that anybody was told is held against that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.e2e.consequences import Consequences, Step, Taken, answered, give_back
from tests.e2e.line_model import RANK, STAMPS, QueueModel, State
from tests.e2e.phones import STATUS
from tests.e2e.testimony import Act, Who
from tests.e2e.told_day import ToldDay
from tests.e2e.visitors import PLACE

Key = tuple[str, int]
"""A token at one of its versions."""

CLOCK_GRAIN = 0.002
"""Instants are told in milliseconds."""

HIDDEN = frozenset({"staff", "rejoins"})
"""What the model knows of a token and nobody is shown."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a token's history. ``by`` is None for the clock."""

    action: str
    before: str | None
    after: str
    by: Who | None
    desk: Any
    reason: str | None


@dataclass(slots=True)
class Oracle:
    """See the module. ``contradictions`` are sentences: there should be none."""

    told: ToldDay
    queues: dict[str, QueueModel] = field(default_factory=dict)
    states: dict[Key, State] = field(default_factory=dict)
    history: defaultdict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    contradictions: list[str] = field(default_factory=list)
    spaced_out: list[tuple[str, int]] = field(default_factory=list)
    """Versions of queues that are nothing but places given anew."""
    by_the_clock: list[State] = field(default_factory=list)
    _nodes: dict[str, dict[int, frozenset[Key]]] = field(default_factory=dict)
    _unseen: dict[str, list[Key]] = field(default_factory=dict)
    """By queue, what no screen saw, in the order in which it was done."""
    _facts: defaultdict[Key, list[tuple[str, State]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _acts: dict[Key, Act] = field(default_factory=dict)
    _to_do: defaultdict[str, list[Act]] = field(default_factory=lambda: defaultdict(list))
    """By person, what is not explained yet, in the order of asking."""
    _closing: dict[str, Act] = field(default_factory=dict)
    _desk_calls: list[tuple[Act, State]] = field(default_factory=list)
    _made: dict[tuple[str, int], Act] = field(default_factory=dict)
    _consequences: Consequences = field(init=False)

    def __post_init__(self) -> None:
        self._consequences = Consequences(
            self.queues, self.told.clinic, self.told.services, self._told_of
        )

    def look(self) -> Oracle:
        """Live the day once more, and hold against it what everybody was told."""
        self._collect()
        self._live()
        if self.contradictions:
            return self  # All else would only follow from it.
        self._compare_tokens()
        self._compare_statuses()
        self._compare_boards()
        self._compare_places()
        self._compare_calls_across_queues()
        self._compare_instants()
        return self

    @property
    def final(self) -> dict[str, State]:
        """How every token stands at the end."""
        return {id: one for queue in self.queues.values() for id, one in queue.tokens.items()}

    def _complain(self, sentence: str) -> None:
        self.contradictions.append(sentence)

    # What it is told

    def _collect(self) -> None:
        for prefix, opened in self.told.queues.items():
            id = opened["id"]
            self._nodes[id] = {}
            seen = [snapshot for _, snapshot in self._snapshots(id)]
            first = min(seen, key=lambda snapshot: int(snapshot["version"]))
            assert not first["tokens"], "nobody looked before the first number was given"
            queue = self.queues[id] = QueueModel(id, prefix, first["version"])
            queue.remember()
        self._collect_from_screens()
        self._collect_from_the_end()
        self._collect_from_phones()
        for act in sorted(self.told.testimony.acts, key=lambda act: act.asked_at):
            self._to_do[act.by.id].append(act)
            if act.action == "CLOSE":
                assert act.queue_id
                self._closing[act.queue_id] = act
            for token in answered(act):
                key = self._heard(f"the answer to {act.by.name}", token)
                if key in self._acts:
                    self._complain(f"{act.action} and {self._acts[key].action} both made {key}")
                self._acts[key] = act

    def _collect_from_screens(self) -> None:
        for who, update in self._updates():
            keys = frozenset(self._heard(who, token) for token in update["changed"])
            known = self._nodes[update["queueId"]].setdefault(update["version"], keys)
            if known != keys:
                self._complain(f"two screens differ on what made version {update['version']}")
        for queue_id, nodes in self._nodes.items():
            made: set[Key] = set()
            for version in sorted(nodes):
                # A board that was read anew is told of with tokens that are as they were.
                nodes[version] -= made
                made |= nodes[version]
            for who, snapshot in self._snapshots(queue_id):
                for token in snapshot["tokens"]:
                    self._heard(who, token)

    def _collect_from_the_end(self) -> None:
        """How tokens ended; of their histories no more than what was done, and in which order."""
        for queue_id, tokens in self.told.tokens.items():
            for token in tokens:
                self._heard("the list", token)
            made = {
                (token["id"], version)
                for token in tokens
                for version, _ in enumerate(self.told.histories[token["id"]], start=1)
            }
            unseen = made.difference(*self._nodes[queue_id].values())
            self._unseen[queue_id] = sorted(unseen, key=lambda key: (self._at(key), *key))

    def _collect_from_phones(self) -> None:
        if self.told.was_killed:
            return  # Whoever came back is told what the token was like when they missed its call.
        for visitor in self.told.watching:
            assert visitor.phone
            for _, token in visitor.phone.personal:
                self._heard(f"the phone of {visitor.name}", token)

    def _heard(self, who: str, token: State) -> Key:
        key = token["id"], token["version"]
        self._facts[key].append((who, token))
        return key

    def _snapshots(self, queue_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for clerk in self.told.clerks:
            for snapshot in clerk.screens[queue_id].snapshots:
                yield f"the screen of {clerk.who.name}", snapshot

    def _updates(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for clerk in self.told.clerks:
            for screen in clerk.screens.values():
                for update in screen.updates:
                    yield f"the screen of {clerk.who.name}", update

    # The day once more

    def _live(self) -> None:
        ends = {id: status["version"] for id, status in self.told.statuses.items()}
        while any(queue.version < ends[queue.id] for queue in self.queues.values()):
            because: list[str] = []
            behind = [one for one in self.queues.values() if one.version < ends[one.id]]
            # What is known explains more than what has to be guessed.
            if not any(
                explain(queue, because)
                for explain in (self._go_on, self._guess, self._guess_nothing)
                for queue in behind
            ):
                self._complain(f"nothing explains what happened next: {because}")
                return
        for act in (act for acts in self._to_do.values() for act in acts):
            self._complain(f"{act.by.name} was told of a {act.action} that nobody saw")

    def _go_on(self, queue: QueueModel, because: list[str]) -> bool:
        """Explain the queue's next version, if that can be done already."""
        keys = self._nodes[queue.id].get(queue.version + 1)
        if keys is None:
            return False
        if not keys:
            self._apply_nothing(queue)
            return True
        act = next((self._acts[key] for key in sorted(keys) if key in self._acts), None)
        if act is None:
            act = self._unasked(queue, keys)
        if act is None:
            because.append(f"{self._names(keys)} at {queue.prefix} {queue.version + 1}")
            return False
        return self._try(act, because)

    def _unasked(self, queue: QueueModel, keys: frozenset[Key]) -> Act | None:
        """What the clock did, or the day's end: nobody was answered with these tokens."""
        closing = self._closing.get(queue.id)
        if closing is not None and queue.is_closed:
            return closing
        [*several] = keys
        token = self._told_of(*several[0])
        if len(several) == 1 and token is not None and token["skipReason"] == "NO_SHOW":
            return self._clocks(token)
        return None

    def _clocks(self, token: State) -> Act:
        """The clock counted it as absent."""
        at = datetime.fromisoformat(token["skippedAt"])
        return Act(
            action="CLOCK",
            by=Who("", "the clock", "SYSTEM"),
            answer=token,
            token_id=token["id"],
            asked_at=at,
            answered_at=at,
        )

    def _guess(self, queue: QueueModel, because: list[str]) -> bool:
        """Nobody's screen had this version: what was done next there that is on nobody's screen?

        In what order, tokens' histories say.
        """
        if queue.version + 1 in self._nodes[queue.id]:
            return False
        at_once = self._next_unseen(queue)
        act = next((act for key in at_once if (act := self._act_of(key)) is not None), None)
        return act is not None and self._try(act, because)

    def _guess_nothing(self, queue: QueueModel, _: list[str]) -> bool:
        """Nobody's screen had this version: a desk, or a notice."""
        if queue.version + 1 in self._nodes[queue.id] or self._next_unseen(queue):
            return False
        self._apply_nothing(queue)
        return True

    def _next_unseen(self, queue: QueueModel) -> list[Key]:
        """What was done at one moment, the next that is on nobody's screen; none when something
        else comes first that is."""
        left = [key for key in self._unseen[queue.id] if key not in self.states]
        if not left:
            return []
        nodes, at = self._nodes[queue.id], self._at(left[0])
        seen = [nodes[version] for version in sorted(nodes) if version > queue.version]
        comes = next((min(map(self._at, keys)) for keys in seen if keys), at)
        if comes < at:
            return []
        return [key for key in left if self._at(key) == at]

    def _may_come(self, queue: QueueModel, keys: frozenset[Key]) -> bool:
        """Whether they may be what no screen saw: no screen saw them, and nothing came before."""
        left = [key for key in self._unseen[queue.id] if key not in self.states]
        return keys.issubset(left) and all(self._at(key) <= self._at(left[0]) for key in keys)

    def _act_of(self, key: Key) -> Act | None:
        """What made it; None when nobody was answered with it."""
        token_id, version = key
        entry = self.told.histories[token_id][version - 1]
        if entry["by"] is None and entry["action"] == "SKIP":
            told = self._told_of(token_id, version)
            return self._clocks(told or {"id": token_id, "skippedAt": entry["at"]})
        return self._acts.get(key)

    def _at(self, key: Key) -> str:
        token_id, version = key
        return str(self.told.histories[token_id][version - 1]["at"])

    def _apply_nothing(self, queue: QueueModel) -> None:
        closing = self._closing.get(queue.id)
        if closing is not None and not queue.is_closed:
            queue.is_closed = self._is_closed_at(queue, queue.version + 1)
        queue.advance()

    def _is_closed_at(self, queue: QueueModel, version: int) -> bool:
        """Whether that version is the one that closed it: its first status that says so."""
        told = [
            status["version"]
            for status in self._statuses()
            if status["queueId"] == queue.id and status["isClosed"]
        ]
        return bool(told) and version >= min(told)

    def _try(self, act: Act, because: list[str]) -> bool:
        """Whether what comes of it by the rules is what happened next; then it has happened."""
        for earlier in self._to_do[act.by.id]:
            if earlier.answered_at < act.asked_at:
                because.append(f"{act.action} by {act.by.name} came after {earlier.action}")
                return False
        try:
            steps = list(self._consequences.of(act))
        except (LookupError, AssertionError) as error:
            because.append(f"{act.action} by {act.by.name}: {error!r}")
            return False
        versions: dict[str, int] = {}
        for step in steps:
            queue = step.queue
            version = versions[queue.id] = versions.get(queue.id, queue.version) + 1
            keys = frozenset((one.state["id"], one.state["version"]) for one in step.changes)
            heard = self._nodes[queue.id].get(version)
            if heard is None and not self._may_come(queue, keys):
                because.append(f"{self._names(keys)} of {queue.prefix} at {version} came later")
                return False
            if heard is not None and heard != keys:
                because.append(
                    f"{act.action} by {act.by.name} makes {self._names(keys)} of {queue.prefix} "
                    f"at {version}, and heard was {self._names(heard)}"
                )
                return False
        if act.action == "CALL" and act.service_ids:
            [token] = answered(act)
            queue, id = self._consequences.holding(token["id"])
            self._desk_calls.append((act, queue.tokens[id]))
        self._do(act, steps)
        return True

    def _do(self, act: Act, steps: list[Step]) -> None:
        taken: list[Taken] = []
        for step in steps:
            queue = step.queue
            shown = (queue.now_serving, queue.last_served, queue.priority_run, list(queue.calls))
            for change in step.changes:
                state, was = change.state, queue.tokens.get(change.state["id"])
                taken.append(Taken(queue, was, state, *shown, queue.places.get(state["id"])))
                if change.action in ("CALL", "CALL_SPECIFIC"):
                    queue.call(state)
                else:
                    queue.put(state, change.place)
                if change.action == "RECALL":
                    queue.show_recall(state)
                self.states[state["id"], state["version"]] = state
                self.history[state["id"]].append(
                    Entry(
                        change.action,
                        None if was is None else was["status"],
                        state["status"],
                        change.by,
                        state["desk"],
                        change.reason,
                    )
                )
            if not step.changes:
                self.spaced_out.append((queue.id, queue.version + 1))
            if step.given_back is not None:
                give_back(step.given_back)
            queue.advance()
            self._made[queue.id, queue.version] = act
        if act in self._to_do[act.by.id]:
            self._to_do[act.by.id].remove(act)
        if act.action == "CLOCK":
            self.by_the_clock += [one.made for one in taken]
        elif act.by.role != "PATIENT":
            self._consequences.remember(act, taken)

    # Looking things up

    def _told_of(self, token_id: str, version: int) -> State | None:
        told = self._facts.get((token_id, version))
        return told[0][1] if told else None

    def _names(self, keys: frozenset[Key]) -> list[str]:
        return sorted(f"{self._label(id)} v{version}" for id, version in keys)

    def _label(self, token_id: str) -> str:
        state = self.final.get(token_id)
        return token_id if state is None else str(state["label"])

    def _statuses(self) -> Iterator[dict[str, Any]]:
        for phone in self.told.phones:
            yield from (body for name, body in phone.client.heard if name == STATUS)
        for queue_id in self.queues:
            yield from (snapshot["status"] for _, snapshot in self._snapshots(queue_id))
        for clerk in self.told.clerks:
            for screen in clerk.screens.values():
                yield from (update["status"] for update in screen.updates if "status" in update)
        yield from self.told.statuses.values()

    # What anybody was told, against what is so

    def _compare_tokens(self) -> None:
        for (token_id, version), told in self._facts.items():
            state = self.states.get((token_id, version))
            for who, token in told:
                if state is None:
                    self._complain(f"{who} has {self._label(token_id)} at version {version}")
                    continue
                differing = {
                    key: (token[key], state[key])
                    for key in token.keys() & state.keys() - HIDDEN
                    if token[key] != state[key]
                }
                if differing:
                    self._complain(
                        f"{who} has {state['label']} at version {version} otherwise: {differing}"
                    )

    def _compare_statuses(self) -> None:
        seen = set()
        for status in self._statuses():
            queue = self.queues[status["queueId"]]
            moment = queue.moments.get(status["version"])
            if moment is None:
                if status["version"] > min(queue.moments):
                    self._complain(f"a status of {queue.prefix} at {status['version']}")
                continue
            differing = {
                key: (status[key], value)
                for key, value in moment.status.items()
                if status[key] != value
            }
            if differing and str(differing) not in seen:
                seen.add(str(differing))
                self._complain(
                    f"the status of {queue.prefix} at {status['version']}, told and so: {differing}"
                )

    def _compare_boards(self) -> None:
        for who, update in self._updates():
            moment = self.queues[update["queueId"]].moments.get(update["version"])
            if moment is not None:
                self._compare_board(who, moment.line, moment.on_board, update["order"])
        for queue_id, queue in self.queues.items():
            for who, snapshot in self._snapshots(queue_id):
                moment = queue.moments.get(snapshot["version"])
                if moment is not None:
                    order = [token["id"] for token in snapshot["tokens"]]
                    self._compare_board(who, moment.line, moment.on_board, order)

    def _compare_board(
        self, who: str, line: tuple[str, ...], on_board: frozenset[str], order: list[str]
    ) -> None:
        waiting = [id for id in order if id in line]
        if tuple(waiting) != line:
            told, so = ([self._label(id) for id in ids] for ids in (waiting, line))
            self._complain(f"{who} has the line {told}, and it is {so}")
        if frozenset(order) != on_board or len(order) != len(on_board):
            differing = sorted(self._label(id) for id in frozenset(order) ^ on_board)
            self._complain(f"{who} shows too much or too little: {differing}")

    def _compare_places(self) -> None:
        for visitor in self.told.watching:
            assert visitor.phone
            for name, place in visitor.phone.client.heard:
                if name == PLACE:
                    self._compare_place(f"the phone of {visitor.name}", place)
        for told, asked in self.told.places:
            self._compare_place("the answer about a place", asked)
            if told is None or told["ahead"] != asked["ahead"]:
                self._complain(f"a phone was told {told} and not {asked}")

    def _compare_place(self, who: str, place: dict[str, Any]) -> None:
        moment = self.queues[place["queueId"]].moments.get(place["version"])
        if moment is None:
            self._complain(f"{who} was told a place at version {place['version']}")
            return
        id = place["tokenId"]
        ahead = moment.line.index(id) if id in moment.line else None
        if ahead != place["ahead"]:
            self._complain(
                f"{who}: {place['ahead']} before {self._label(id)}, not {ahead}, "
                f"at {place['version']}"
            )

    def _compare_calls_across_queues(self) -> None:
        """A desk calls the best class of what its queues call next, then who came first.

        When each of the other queues stood how, nobody was told exactly: at one of the versions
        that it may have had then, whoever was next there must have had to wait.
        """
        for act, called in self._desk_calls:
            best = RANK[called["priority"]], called["createdAt"]
            for queue in self.queues.values():
                if queue.id == called["queueId"] or not self._consequences.serves(act, queue):
                    continue
                heads = [queue.moments[version].head for version in self._versions(queue, act)]
                if not any(head is None or head >= best for head in heads):
                    self._complain(
                        f"{act.by.name} called {called['label']} before whoever was next of "
                        f"{queue.prefix}: {heads}"
                    )

    def _versions(self, queue: QueueModel, act: Act) -> list[int]:
        """Those that it may have had while somebody waited for that answer."""
        first, last = min(queue.moments), queue.version
        for version in sorted(queue.moments):
            made = self._made.get((queue.id, version))
            if made is None or made is act:
                continue
            if made.answered_at < act.asked_at:
                first = version
            elif made.asked_at > act.answered_at:
                last = version - 1
                break
        return [version for version in sorted(queue.moments) if first <= version <= last]

    def _compare_instants(self) -> None:
        """What happened later in a queue has no earlier time, and none from before it was asked."""
        for queue in self.queues.values():
            last = ""
            for version in sorted(queue.moments):
                act = self._made.get((queue.id, version))
                at = None if act is None else self._instant_of(act)
                if act is None or at is None:
                    continue
                if at < last:
                    self._complain(f"{act.action} at {queue.prefix} {version}: {at} after {last}")
                last = at
                asked, had = act.asked_at.timestamp(), datetime.fromisoformat(at).timestamp()
                if not asked - CLOCK_GRAIN <= had <= act.answered_at.timestamp() + CLOCK_GRAIN:
                    self._complain(f"{act.action} was done at {at}, not while it was asked for")

    def _instant_of(self, act: Act) -> str | None:
        """When it was done, if the answer says so."""
        tokens = answered(act)
        if act.action in ("ISSUE", "WALK_IN"):
            return str(tokens[0]["createdAt"])
        if act.action == "RECALL":
            return str(tokens[0]["lastCalledAt"])
        if act.action in ("CALL", "CALL_SPECIFIC", "START", "COMPLETE", "SKIP", "TRANSFER"):
            return str(tokens[0][STAMPS[tokens[0]["status"]]])
        return None
