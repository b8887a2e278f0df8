"""The files that pages are made of: small, kept for ever, and never another version's."""

from __future__ import annotations

from pathlib import Path

import pytest

import qure.entrypoints.web
from qure.entrypoints.cli.administration import type_declarations
from qure.entrypoints.web.assets import Assets, assets, read_files
from qure.entrypoints.web.pages import PAGES
from qure.entrypoints.web.rendering import Page
from qure.settings import Settings
from tests.support.browser.site import Site

WEB = Path(qure.entrypoints.web.__file__).parent
BUDGET = 60 * 1024
ALL_PAGES = [*PAGES.values(), Page("start", ("health",)), Page("join")]


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_a_page_loads_at_most_60_kilobytes_of_scripts_and_styles(page: Page) -> None:
    loaded = {path: len(assets().files[path]) for path in (*page.scripts, *page.styles)}
    assert sum(loaded.values()) <= BUDGET, loaded


@pytest.mark.parametrize("changed", ["content", "name", "one more"])
def test_the_address_changes_with_any_file(tmp_path: Path, changed: str) -> None:
    (tmp_path / "a.js").write_text("1")
    (tmp_path / "b.css").write_text("2")
    before = Assets.of(read_files(tmp_path)).digest
    if changed == "content":
        (tmp_path / "b.css").write_text("3")
    elif changed == "name":
        (tmp_path / "b.css").rename(tmp_path / "c.css")
    else:
        (tmp_path / "c.svg").write_text("")
    assert Assets.of(read_files(tmp_path)).digest != before


def test_only_what_a_module_imports_comes_with_it(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(
        'import "./b.js";\nexport function clear(form) {\n  form.querySelector(".problem");\n}\n'
        'export const later = () => import("./c.js");\n'
    )
    for name in ("b.js", "c.js"):
        (tmp_path / name).write_text("")
    assert Assets.of(read_files(tmp_path)).modules("a.js") == ("a.js", "b.js")


async def test_an_asset_may_be_kept_for_ever(site: Site) -> None:
    for path, kind in (("qure.css", "text/css"), ("core/api.js", "text/javascript")):
        answer = await site.http.get(assets().address(path))
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"].startswith(kind)
        assert answer.content == assets().files[path]


async def test_another_versions_assets_and_what_is_none_are_not_found(site: Site) -> None:
    address = assets().address("qure.css")
    other = address.replace(assets().digest, "0" * 16)
    for path in (other, f"{address}.map", f"/assets/{assets().digest}/../pages.py"):
        assert (await site.http.get(path)).status_code == 404


def test_the_declared_types_are_those_of_the_program() -> None:
    declared = (WEB / "types" / "wire.d.ts").read_text(encoding="utf-8")
    assert declared == type_declarations(Settings()), "run `make types`"
