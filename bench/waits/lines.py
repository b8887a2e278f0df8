"""Who is called next, once more: a line of one service, written apart from the program's own."""

from __future__ import annotations

from collections.abc import Sequence

from bench.waits.clinics import Patient
from bench.waits.observing import MAX_PRIORITY_RUN, Class


class Line:
    """Those who wait for one service. URGENT first; PRIORITY overtakes NORMAL, two in a row."""

    __slots__ = ("classes", "run")

    def __init__(self) -> None:
        self.classes: tuple[list[Patient], ...] = ([], [], [])
        self.run = 0

    def __len__(self) -> int:
        urgent, priority, normal = self.classes
        return len(urgent) + len(priority) + len(normal)

    def head(self) -> Patient | None:
        """Who is next."""
        urgent, priority, normal = self.classes
        if urgent:
            return urgent[0]
        if priority and (not normal or self.run < MAX_PRIORITY_RUN):
            return priority[0]
        return normal[0] if normal else None

    def take(self) -> Patient:
        """Call the next one; there is one."""
        patient = self.head()
        assert patient is not None
        self.classes[patient.urgency].pop(0)
        self.run = run_after(self.run, patient.urgency, bool(self.classes[Class.NORMAL]))
        return patient

    def put(self, patient: Patient, behind: int | None = None) -> None:
        """At the end of its class, or behind so many of it."""
        waiting = self.classes[patient.urgency]
        waiting.insert(len(waiting) if behind is None else behind, patient)

    def remove(self, patient: Patient) -> bool:
        """It goes; False where it does not wait."""
        if patient not in self.classes[patient.urgency]:
            return False
        self.classes[patient.urgency].remove(patient)
        return True

    def order(self, most: int) -> Sequence[Patient]:
        """The next so many in the order of their calls, as things stand."""
        urgent, priority, normal = self.classes
        if not priority:
            return (urgent + normal)[:most] if urgent else normal[:most]
        order, run, first, second = list(urgent), self.run, 0, 0
        while len(order) < most and (first < len(priority) or second < len(normal)):
            normal_waits = second < len(normal)
            if first < len(priority) and (not normal_waits or run < MAX_PRIORITY_RUN):
                order.append(priority[first])
                first += 1
                run = run_after(run, Class.PRIORITY, normal_waits)
            else:
                order.append(normal[second])
                second += 1
                run = 0
        return order[:most]


def run_after(run: int, called: Class, normal_waits: bool) -> int:
    """How many PRIORITY ones were called in a row while a NORMAL one waited."""
    if called is Class.URGENT:
        return run
    if called is Class.PRIORITY and normal_waits:
        return min(run + 1, MAX_PRIORITY_RUN)
    return 0
