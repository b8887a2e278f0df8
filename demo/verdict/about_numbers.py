"""Whether numbers were given, called and moved as they may be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from demo.lines import Final, Line
from demo.story import Clinic
from demo.verdict.evidence import COMEBACKS, Evidence, Token

LAWFUL = {
    "WAITING": {"WAITING", "CALLED", "SKIPPED", "CANCELLED"},
    "CALLED": {"CALLED", "IN_PROGRESS", "COMPLETED", "SKIPPED", "WAITING", "CANCELLED"},
    "IN_PROGRESS": {"COMPLETED", "WAITING"},
    "SKIPPED": {"WAITING"},
    "COMPLETED": set[str](),
    "CANCELLED": set[str](),
}
FIXED = ("queueId", "patientId", "tokenNumber", "label", "serviceId", "createdAt", "guest")
GIVEN_BY = {"take", "join", "walk-in"}


def about_numbers(clinic: Clinic, line: Line, evidence: Evidence) -> Iterator[str]:
    """Every broken promise about the numbers of that queue."""
    final = line.final
    if final is None:
        yield f"Nobody has read how {line.name} ended."
        return
    yield from _about_issuing(clinic, line, final, evidence)
    for token in final.tokens:
        yield from _about_life(token, evidence)
        yield from _about_calls(token, evidence)
        yield from _about_history(token, final)
        yield from _about_transfer(token, evidence)
        if token["status"] not in ("COMPLETED", "SKIPPED", "CANCELLED"):
            yield f"{token['label']} stands {token['status']} after the end of the day."


def _about_issuing(clinic: Clinic, line: Line, final: Final, evidence: Evidence) -> Iterator[str]:
    numbers = [token["tokenNumber"] for token in final.tokens]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"{line.name} issued the numbers {numbers}."
    for token in final.tokens:
        number = token["tokenNumber"]
        label = f"{line.prefix}{number:03d}" if line.prefix else str(number)
        if token["label"] != label:
            yield f"{line.name}'s number {number} is called {token['label']}, not {label}."
    given = {
        act.token["id"]
        for act in evidence.acts
        if act.move in GIVEN_BY and act.token["queueId"] == line.queue_id
    }
    kept = {token["id"] for token in final.tokens if token["transferredFrom"] is None}
    if given != kept:
        yield f"{line.name} gave out other numbers than it keeps."
    refused = sum(one.was_refused != "" for one in clinic.patients if one.line is line)
    if len(numbers) > line.max_size:
        yield f"{line.name} issued {len(numbers)} numbers for {line.max_size} places."
    if refused and len(numbers) < line.max_size:
        yield f"{line.name} told {refused} patients it was full when it was not."


def _about_life(token: Token, evidence: Evidence) -> Iterator[str]:
    undone = {
        (act.token["id"], act.token["version"]) for act in evidence.acts if act.move == "undo"
    }
    life = evidence.lives[token["id"]]
    if max(life) > token["version"]:
        yield f"{token['label']} was told of as it never came to be."
    for before, after in evidence.steps(token["id"]):
        if any(before[name] != after[name] for name in FIXED):
            yield f"{token['label']} did not stay the number that it was."
        if (after["id"], after["version"]) in undone:
            earlier = life.get(after["version"] - 2)
            if earlier is not None and earlier != {**after, "version": earlier["version"]}:
                yield f"Undoing did not give {token['label']} back what it was."
        elif after["status"] not in LAWFUL[before["status"]]:
            yield f"{token['label']} went from {before['status']} to {after['status']}."


def _about_calls(token: Token, evidence: Evidence) -> Iterator[str]:
    """Between two calls of a number it has come back to the line, as somebody was told."""
    acts = [act for act in evidence.acts if act.token["id"] == token["id"]]
    calls = sorted(act.token["version"] for act in acts if act.move in ("call-next", "call"))
    backs = [act.token["version"] for act in acts if act.move in COMEBACKS]
    for one, other in pairwise(calls):
        if not any(one < back < other for back in backs):
            yield f"{token['label']} was called twice."


def _about_history(token: Token, final: Final) -> Iterator[str]:
    history = final.histories[token["id"]]
    actions = Counter(entry["action"] for entry in history)
    ways = [(entry["from"], entry["to"]) for entry in history]
    chain = [None, *(to for _, to in ways)]
    if (
        len(history) != token["version"]
        or history[0]["action"] not in ("ISSUE", "WALK_IN")
        or [before for before, _ in ways] != chain[:-1]
        or chain[-1] != token["status"]
    ):
        yield f"{token['label']}'s history is not its life: {dict(actions)}."


def _about_transfer(token: Token, evidence: Evidence) -> Iterator[str]:
    if token["transferredTo"] is not None:
        led_to = evidence.lives.get(token["transferredTo"], {})
        if not any(one["transferredFrom"] == token["id"] for one in led_to.values()):
            yield f"{token['label']} has led to no other number."
