"""What browsers get of a module or a style sheet: all that it does, and none of what is read."""

from __future__ import annotations

from pathlib import Path

import pytest

import qure.entrypoints.web
from qure.entrypoints.web.slimming import slim_script, slim_style

STATIC = Path(qure.entrypoints.web.__file__).parent / "static"
SCRIPTS = sorted(STATIC.rglob("*.js"))


def test_a_script_loses_its_comments_and_margins_alone() -> None:
    source = (
        "/** What it is.\n * @param {string} one\n */\n"
        "export function f(one) {\n"
        "  // Why.\n"
        '  const all = /** @type {any} */ (one("/* no comment */"));\n'
        '  return all + "http://x"; // said beside it\n'
        "}\n"
    )
    assert slim_script(source) == (
        "export function f(one) {\n"
        'const all = (one("/* no comment */"));\n'
        'return all + "http://x"; // said beside it\n'
        "}\n"
    )


def test_code_between_two_comments_stays() -> None:
    assert slim_script("/** a */ (b).c();\nd();\n/** e */\nf();\n") == "(b).c();\nd();\nf();\n"


def test_a_style_sheet_loses_its_comments_and_margins_alone() -> None:
    source = '/* What\n it is */\na > b {\n    /* why */\n    content: "x  y";\n}\n'
    assert slim_style(source) == 'a > b {\ncontent: "x  y";\n}\n'


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_text_of_our_scripts_is_changed_by_it(script: Path) -> None:
    for line in script.read_text(encoding="utf-8").splitlines():
        assert line.count("`") % 2 == 0, f"a text goes on in the next line: {line}"
        for comment in ('"/**', "'/**"):
            assert comment not in line, f"a text looks like a comment: {line}"
