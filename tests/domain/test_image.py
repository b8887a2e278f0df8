"""What is told of an upload on its way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from qure.domain.actor import SYSTEM
from qure.domain.events import ImageReplaced, ImageStaged
from tests.support.builders import NOW, build_actor, build_staged_image

URL = "https://media.example.org/new.jpg"


def test_an_accepted_upload_is_told_by_whoever_brought_it_as_of_when_it_was_made() -> None:
    actor, image = build_actor(), build_staged_image(created_at=NOW)
    image.stage(by=actor)
    assert image.events == [ImageStaged(image_id=image.id, actor=actor, at=NOW)]


def test_what_was_stored_for_an_upload_that_was_overtaken_is_never_shown() -> None:
    image, later = build_staged_image(), NOW + timedelta(minutes=1)
    image.overtaken(URL, at=later)
    assert image.events == [ImageReplaced(url=URL, actor=SYSTEM, at=later)]


def test_events_are_no_part_of_what_an_upload_is() -> None:
    image = build_staged_image()
    before = replace(image, events=[])
    image.stage(by=build_actor())
    assert image == before
