"""The pictures of the pages: there, small, and no lies."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from tests.web.pictures import FOLDER, MADE_OF, MOST_BYTES, PAGE_OF, SCENES, lines_of

DOCS = FOLDER.parent
PICTURES = sorted(FOLDER.glob("*.webp"))
MOST_CHANGED = 0.25
"""Of the lines that a page's looks are made of: beyond it nobody would know it again."""


def test_each_scene_has_its_picture() -> None:
    assert {path.stem for path in PICTURES} == {scene.__name__.strip("_") for scene in SCENES}


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.stem)
def test_a_picture_is_small_and_shown_with_words_for_who_cannot_see_it(picture: Path) -> None:
    assert picture.stat().st_size <= MOST_BYTES
    with Image.open(picture) as image:
        assert (image.format, image.width > 300) == ("WEBP", True)
    shown = re.findall(r"!\[([^\]]+)\]\(pictures/([\w-]+\.webp)\)", (DOCS / "pages.md").read_text())
    assert [alt for alt, name in shown if name == picture.name]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.stem)
def test_a_page_has_not_changed_so_much_that_its_picture_lies(picture: Path) -> None:
    then = set(json.loads(MADE_OF.read_text(encoding="utf-8"))[picture.stem])
    now = set(lines_of(PAGE_OF.get(picture.stem, picture.stem)))
    changed = len(then ^ now) / len(then | now)
    assert changed <= MOST_CHANGED, "run `make pictures`, look at them, commit them"
