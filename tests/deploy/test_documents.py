"""The documents point to what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PACKAGES = {path.name for path in (ROOT / "src" / "qure").iterdir() if path.is_dir()}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
            assert anchor in anchors, link


@pytest.mark.parametrize("name", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_file_that_is_named_exists(name: str) -> None:
    named = re.findall(r"`([\w./]+/[\w./]*|[\w/]+\.py)(?::[^`]*)?`", (ROOT / name).read_text())
    assert len(named) > 15
    for one in named:
        places = (ROOT / one, ROOT / "src" / "qure" / one)
        found = any(place.exists() for place in places) or any(
            path.name == one for path in (ROOT / "src" / "qure").rglob("*.py")
        )
        assert found or one == "keys/", one


@pytest.mark.parametrize("name", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_function_that_is_named_beside_its_file_is_in_it(name: str) -> None:
    for path, function in re.findall(r"`([\w/]+\.py): ([\w.]+)`", (ROOT / name).read_text()):
        [file] = [*(ROOT / "src" / "qure").glob(path)]
        assert f"def {function.rpartition('.')[2]}(" in file.read_text(), f"{path}: {function}"


def test_decisions_are_numbered_without_a_gap_and_say_why_and_what_follows() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text()
        assert re.match(rf"# {path.name[:4]}:? \S", text), path.name
        for heading in ("## Context", "## Decision", "## Consequences"):
            assert heading in text, f"{path.name}: {heading}"
