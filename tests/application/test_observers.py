"""Figures and traces hang on what a process does, and nothing does where nobody looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from qure.application.observers import Observers
from qure.application.ports.gateways import DeleteImage, Job
from tests.support.builders import NOW, build_entry

JOB = DeleteImage("https://example.org/a.jpg")


def test_everyone_who_looks_is_told_of_commits_and_deliveries() -> None:
    seen: list[object] = []
    observers = Observers()
    observers.of_commits.extend([seen.append, seen.append])
    observers.of_deliveries.append(seen.append)
    entry = build_entry()
    observers.committed(entry)
    observers.delivered(NOW)
    assert seen == [entry, entry, NOW]


def test_where_nobody_looks_work_is_done_all_the_same() -> None:
    done: list[str] = []
    observers = Observers()
    observers.committed(build_entry())
    observers.delivered(NOW)
    with observers.doing(JOB):
        done.append("job")
    assert done == ["job"]


def test_each_attempt_at_a_job_lies_inside_everyone_who_looks_and_a_failure_leaves_it() -> None:
    seen: list[object] = []

    @contextmanager
    def watch(job: Job) -> Iterator[None]:
        seen.append(job)
        try:
            yield
        except RuntimeError:
            seen.append("failed")
            raise
        seen.append("done")

    observers = Observers(of_jobs=[watch])
    with observers.doing(JOB):
        seen.append("at work")
    with pytest.raises(RuntimeError), observers.doing(JOB):
        raise RuntimeError
    assert seen == [JOB, "at work", "done", JOB, "failed"]
